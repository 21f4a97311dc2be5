module LavinMQ::TokenwardAuth
  # A request came while keys are being fetched: it may come again.
  def self.unavailable(context : ::HTTP::Server::Context) : Nil
    context.response.status_code = 503
    context.response.headers["Retry-After"] = "1"
    context.response.content_type = "application/json"
    {error: "unavailable", reason: "Keys are being fetched"}.to_json(context.response)
  end
end

class LavinMQ::HTTP::AuthHandler
  # Bearer (RFC 6750) beside LavinMQ's own ways, Basic and the cookie of its pages. As those, it replaces a user that was
  # found before, also by none.
  def call(context)
    origin = TokenwardAuth::Origin.new("http", context.request.remote_address)
    TokenwardAuth::Origin.with(origin) do
      authorization = context.request.headers["Authorization"]? || ""
      is_bearer = authorization[0, 7].compare("Bearer ", case_insensitive: true) == 0
      if is_bearer && (ours = TokenwardAuth.current)
        context.user = ours.http_user(authorization)
        call_next(context)
      else
        previous_def
      end
    end
  rescue TokenwardAuth::KeysPending
    TokenwardAuth.unavailable(context)
  ensure
    # The request is over: its session needn't wait for the garbage collector.
    context.user.as?(TokenwardAuth::User).try &.cleanup
  end
end

# Since 2.9: signing in to the management pages at the provider, whose token then comes in a cookie.
{% if LavinMQ::HTTP.has_constant?("OAuthController") %}
  class LavinMQ::HTTP::OAuthController
    def call(context)
      origin = TokenwardAuth::Origin.new("http", context.request.remote_address, bare: true)
      TokenwardAuth::Origin.with(origin) { previous_def }
    rescue TokenwardAuth::KeysPending
      TokenwardAuth.unavailable(context)
    end
  end
{% end %}
