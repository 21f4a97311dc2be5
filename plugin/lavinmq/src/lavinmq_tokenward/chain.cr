class LavinMQ::Auth::Chain
  # As LavinMQ's method, but "oauth" is this add-on's backend.
  def self.create(config : Config, users : UserStore) : Chain
    unless config.auth_backends.includes?("oauth")
      if ENV["TOKENWARD_CONFIG"]?.presence
        TokenwardAuth::Log.warn { "TOKENWARD_CONFIG is set, but auth_backends has no oauth: tokens are not accepted" }
      end
      return previous_def
    end
    ours = TokenwardAuth.create(config)
    return previous_def unless ours
    backends = config.auth_backends.map do |name|
      case name
      when "local" then LocalAuthenticator.new(users).as(Authenticator)
      when "oauth" then ours.as(Authenticator)
      else              raise "Unsupported authentication backend: #{name}"
      end
    end
    new(backends)
  end

  # As LavinMQ's method, but a refused token is final: the next backend must not be given it as a password.
  def authenticate(context : Context) : BaseUser?
    @backends.each do |backend|
      if backend.is_a?(TokenwardAuth::Authenticator)
        outcome = backend.decide(context)
        case outcome
        in TokenwardAuth::User
          outcome.warn_of_no_tag if TokenwardAuth::Origin.current.protocol == "http" && outcome.tags.empty?
          return outcome
        in ::Tokenward::NotAToken then next
        in ::Tokenward::Failure   then return nil
        end
      elsif user = backend.authenticate(context)
        return user
      end
    end
    nil
  end
end
