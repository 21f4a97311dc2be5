module LavinMQ::TokenwardAuth
  # The provider has given no key, or no answer about a login, after the longest wait, so there is no decision. LavinMQ
  # closes the connection at an IO::Error without telling the client that it is refused, so the client tries again.
  class KeysPending < ::IO::Error
  end

  # The backend "oauth" of auth_backends. It is an OAuthAuthenticator because LavinMQ's pages look for one.
  class Authenticator < Auth::OAuthAuthenticator
    # How long an attempt waits, in its fiber, for the provider.
    LONGEST_WAIT = 10.seconds

    getter backend : ::Tokenward::Backend
    @last_backend : Bool

    def initialize(config : Config, @backend : ::Tokenward::Backend)
      @last_backend = config.auth_backends.last? == "oauth"
      super(NoVerifier.new(config))
    end

    def authenticate(context : Auth::Context) : Auth::BaseUser?
      outcome = decide(context)
      outcome.is_a?(User) ? outcome : nil
    end

    # The user, or the reason why there is none. Raises `KeysPending`.
    def decide(context : Auth::Context) : User | ::Tokenward::Failure
      return decide(::Tokenward::Credentials.bearer(context.password)) if Origin.current.bare?
      decide(::Tokenward::Credentials.username_password(context.username, context.password))
    end

    def decide(credentials : ::Tokenward::Credentials) : User | ::Tokenward::Failure
      origin = Origin.current
      outcome = @backend.try_authenticate(credentials, origin.context(last_backend: @last_backend), wait: LONGEST_WAIT)
      case outcome
      in ::Tokenward::Session
        User.new(outcome, @token_verifier, origin)
      in ::Tokenward::TryAgain
        raise KeysPending.new(outcome.message)
      in ::Tokenward::Failure
        outcome # the library has logged it
      end
    end

    def cleanup
      @backend.close
    end
  end

  # Refuses every token that LavinMQ hands to its own verification. LavinMQ's pages still find the provider's addresses
  # here, which they need to send a browser there.
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
