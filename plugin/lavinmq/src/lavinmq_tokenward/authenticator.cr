module LavinMQ::TokenwardAuth
  # A key is still being fetched after the longest wait: neither yes nor no. As an IO::Error it makes LavinMQ close the
  # connection without calling the client unauthorized, so that it comes back.
  class KeysPending < ::IO::Error
  end

  # What answers for "oauth" in auth_backends. LavinMQ's pages look for an OAuthAuthenticator.
  class Authenticator < Auth::OAuthAuthenticator
    # How long an attempt waits, in its fiber, for a key that is being fetched.
    LONGEST_WAIT = 10.seconds

    getter backend : ::Tokenward::Backend

    def initialize(config : Config, @backend : ::Tokenward::Backend)
      super(NoVerifier.new(config))
    end

    def authenticate(context : Auth::Context) : Auth::BaseUser?
      outcome = decide(context)
      outcome.is_a?(User) ? outcome : nil
    end

    # The user, or why not. Raises `KeysPending`.
    def decide(context : Auth::Context) : User | ::Tokenward::Failure
      return decide(::Tokenward::Credentials.bearer(context.password)) if Origin.current.bare?
      decide(::Tokenward::Credentials.username_password(context.username, context.password))
    end

    def decide(credentials : ::Tokenward::Credentials) : User | ::Tokenward::Failure
      origin = Origin.current
      outcome = @backend.try_authenticate(credentials, origin.context, wait: LONGEST_WAIT)
      case outcome
      in ::Tokenward::Session
        User.new(outcome, @token_verifier)
      in ::Tokenward::TryAgain
        Report.refused(outcome, origin, "undecided")
        raise KeysPending.new(outcome.message)
      in ::Tokenward::Failure
        outcome # the library has logged it, unless another backend may know better
      end
    end

    # The user of an Authorization header, for the HTTP API, which wants a tag. Raises `KeysPending`.
    def http_user(authorization : String) : User?
      user = decide(::Tokenward::Credentials.http_authorization(authorization))
      return nil unless user.is_a?(User)
      return user unless user.tags.empty?
      Report.no_tag(user, Origin.current)
      user.cleanup
      nil
    end

    def cleanup
      @backend.close
    end
  end

  # Where LavinMQ hands a token to its own verification, the answer is no. It still finds the provider's addresses here,
  # which its pages need to send a browser there.
  class NoVerifier < Auth::JWT::TokenVerifier
    def initialize(config : Config)
      issuer = config.oauth_issuer_url || URI.parse("https://issuer.invalid")
      fetcher = Auth::JWT::JWKSFetcher.new(issuer, config.oauth_jwks_cache_ttl) # never started: it fetches no keys
      fetcher.public_keys.update({} of String => String, ::Time::Span.zero)
      super(config, fetcher)
    end

    def parse_token(token : String) : Auth::JWT::TokenClaim
      raise Auth::JWT::VerificationError.new("tokens are verified by tokenward")
    end

    def verify_token(token : String) : Auth::JWT::Token
      raise Auth::JWT::VerificationError.new("tokens are verified by tokenward")
    end
  end
end
