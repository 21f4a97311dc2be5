module LavinMQ::TokenwardAuth
  # Answers a request while keys are being fetched: the client may try again.
  def self.unavailable(context : ::HTTP::Server::Context) : Nil
    context.response.status_code = 503
    context.response.headers["Retry-After"] = "1"
    context.response.content_type = "application/json"
    {error: "unavailable", reason: "Keys are being fetched"}.to_json(context.response)
  end
end

class LavinMQ::HTTP::AuthHandler
  # Adds Bearer (RFC 6750) to Basic and the cookie of LavinMQ's pages. As those do, it replaces a user that was found
  # before, also if it finds none.
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
    # The request is over, so its session is released without waiting for the garbage collector.
    context.user.as?(TokenwardAuth::User).try &.cleanup
  end
end

# Checks what LavinMQ doesn't: a message's own dead letter exchange, a message's user_id, and the second name of an
# alternate exchange. AMQP asks for rights; here they are refused.
class LavinMQ::HTTP::ExchangesController
  private def parse_body(context)
    body = super
    user = context.user
    return body unless user.is_a?(TokenwardAuth::User) && (members = body.as_h?)
    properties = members["properties"]?.try(&.as_h?)
    headers = properties.try(&.["headers"]?.try(&.as_h?))
    sender = properties.try(&.["user_id"]?)
    arguments = members["arguments"]?.try(&.as_h?)
    if headers.try(&.has_key?("x-dead-letter-exchange"))
      access_refused(context, "x-dead-letter-exchange in a message is not allowed here")
    end
    if sender && sender.raw && sender.as_s? != user.name && !user.can_impersonate?
      access_refused(context, "user_id doesn't match the actual user")
    end
    other = arguments.try(&.["x-alternate-exchange"]?)
    if arguments.try(&.has_key?("alternate-exchange")) || (other && !other.as_s?)
      access_refused(context, "the alternate exchange must be the text x-alternate-exchange")
    end
    body
  end
end

# Since 2.9 a user can sign in to the management pages at the provider. The token then comes in a cookie.
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
