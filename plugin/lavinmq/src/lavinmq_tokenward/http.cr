module LavinMQ::TokenwardAuth
  # Answers a request while the provider is being asked: the client may try again.
  def self.unavailable(context : ::HTTP::Server::Context) : Nil
    context.response.status_code = 503
    context.response.headers["Retry-After"] = "1"
    context.response.content_type = "application/json"
    {error: "unavailable", reason: "The provider is being asked"}.to_json(context.response)
  end

  # What a 401 tells a client that may send a Bearer token (RFC 6750 section 3). A browser doesn't ask for a password then.
  # Who sent a password, Basic or in a cookie, gets LavinMQ's own answer.
  def self.challenge(context : ::HTTP::Server::Context, error : String? = nil) : Nil
    context.response.headers["WWW-Authenticate"] = %(Bearer realm="LavinMQ") + (error ? %(, error="#{error}") : "")
  end
end

class LavinMQ::HTTP::AuthHandler
  # Adds Bearer (RFC 6750) to Basic and the cookie of LavinMQ's pages. As those do, it replaces a user that was found
  # before, also if it finds none.
  def call(context)
    TokenwardAuth::Origin.with(TokenwardAuth::Origin.of(context)) do
      authorization = context.request.headers["Authorization"]? || ""
      is_bearer = authorization[0, 7].compare("Bearer ", case_insensitive: true) == 0
      if is_bearer && (ours = TokenwardAuth.current)
        context.user = tokenward_bearer(context, ours, authorization)
        call_next(context)
      else
        previous_def
      end
    end
    stays_open = tokenward_limit_open_answer(context)
  rescue TokenwardAuth::KeysPending
    TokenwardAuth.unavailable(context)
  ensure
    # The request is over, so its session is released without waiting for the garbage collector.
    context.user.as?(TokenwardAuth::User).try &.cleanup unless stays_open
  end

  private def tokenward_bearer(context, ours : TokenwardAuth::Authenticator, authorization : String) : TokenwardAuth::User?
    user = ours.decide(::Tokenward::Credentials.http_authorization(authorization))
    return TokenwardAuth.challenge(context, "invalid_token") unless user.is_a?(TokenwardAuth::User)
    return user unless user.tags.empty?
    user.warn_of_no_tag
    user.cleanup
    TokenwardAuth.challenge(context, "insufficient_scope")
  end

  # An answer that stays open, such as the live log, is cut off when the token ends. Whether this is one.
  private def tokenward_limit_open_answer(context) : Bool
    return false unless (user = context.user).is_a?(TokenwardAuth::User) && (answer = context.response.upgrade_handler)
    context.response.upgrade_handler = ->(io : ::IO) do
      user.on_expiration { TokenwardAuth.cut_off(io) }
      begin
        answer.call(io)
      ensure
        user.cleanup
      end
    end
    true
  end
end

# The body of a token's request. LavinMQ asks for rights before it reads it, and the client may take its time.
class LavinMQ::TokenwardAuth::Body < ::IO
  include ::IO::Buffered

  def initialize(@body : ::IO, @user : User)
  end

  def unbuffered_read(slice : Bytes) : Int32
    count = @body.read(slice).to_i
    TokenwardAuth.refuse(@user, 401, "token_expired", "the token has ended") if @user.ended?
    count
  end

  def unbuffered_write(slice : Bytes) : Nil
    raise ::IO::Error.new("read only")
  end

  def unbuffered_flush : Nil
  end

  def unbuffered_rewind : Nil
    raise ::IO::Error.new("read only")
  end

  def unbuffered_close : Nil
    @body.close
  end
end

# What a token's request is answered. The client may take its time to read it.
class LavinMQ::TokenwardAuth::Answer < ::IO
  # So many bytes between two looks.
  LOOK_AFTER = 16_384

  @left = LOOK_AFTER

  def initialize(@output : ::IO, @user : User)
  end

  def write(slice : Bytes) : Nil
    @left -= slice.size
    if @left < 0
      raise ::IO::Error.new("the token has ended") if @user.ended?
      @left = LOOK_AFTER
    end
    @output.write(slice)
  end

  def read(slice : Bytes) : Int32
    raise ::IO::Error.new("write only")
  end

  def flush : Nil
    @output.flush
  end

  def close : Nil
    @output.close
  end

  def closed? : Bool
    @output.closed?
  end
end

class LavinMQ::HTTP::RequireUserHandler
  def call(context)
    request = context.request
    without_credentials = !request.headers.has_key?("Authorization") && request.cookies.empty?
    TokenwardAuth.challenge(context) if context.user.nil? && without_credentials && TokenwardAuth.current
    body, user, output = request.body, context.user, context.response.output
    return previous_def unless user.is_a?(TokenwardAuth::User)
    begin
      request.body = TokenwardAuth::Body.new(body, user) if body
      context.response.output = TokenwardAuth::Answer.new(output, user)
      previous_def
    ensure
      request.body = body # the server looks what is left of it
      context.response.output = output
    end
  end
end

# A token's user must have what `ROUTES` says before LavinMQ handles the request.
abstract class LavinMQ::HTTP::Controller
  {% for method in %w[delete get patch post put] %}
    {% otherwise = method == "get" ? "Nothing" : "Administrator" %}
    def {{method.id}}(path : String, &block : Action)
      needs = TokenwardAuth::ROUTES["{{method.upcase.id}} #{path}"]? || TokenwardAuth::Needs::{{otherwise.id}}
      return super(path, &block) if needs.nothing?
      super(path) do |context, params|
        user = context.user
        tokenward_ask(needs, context, user, params) if user.is_a?(TokenwardAuth::User)
        block.call(context, params)
      end
    end
  {% end %}

  private def tokenward_ask(needs : TokenwardAuth::Needs, context, user : TokenwardAuth::User, params) : Nil
    case needs
    in .nothing?
    in .configure_queue?
      return if user.can_config?(params["vhost"], params["name"])
      access_refused(context, "User doesn't have configure permissions to queue '#{params["name"]}'")
    in .own_connection?
      return if user.tags.any?(&.administrator?) || tokenward_own?(user, params)
      access_refused(context, "The connection is another user's: that needs tag:administrator")
    in .policymaker?
      refuse_unless_policymaker(context, user)
    in .administrator?
      refuse_unless_administrator(context, user)
    in .aliveness_test?
      vhost, queue, exchange = params["vhost"], "aliveness-test", "amq.direct"
      return if user.can_config?(vhost, queue) && user.can_write?(vhost, queue) && user.can_read?(vhost, queue) &&
                user.can_read?(vhost, exchange) && user.can_write?(vhost, exchange)
      access_refused(context, "User doesn't have all permissions to queue '#{queue}', and read and write permissions to " \
                              "exchange '#{exchange}'")
    end
  end

  # Whether all connections that the request means are the user's. Those of a Unix socket share a name. If there is none,
  # LavinMQ says so.
  private def tokenward_own?(user : TokenwardAuth::User, params) : Bool
    return false unless vhosts = TokenwardAuth.vhosts
    own = true
    vhosts.each do |name_and_vhost|
      name_and_vhost[1].connections.each do |client|
        next unless tokenward_meant?(client, params)
        own &&= user.same_identity?(client.user)
      end
    end
    own
  end

  private def tokenward_meant?(client, params) : Bool
    if username = params["username"]?
      client.user.name == username
    elsif connection = params["connection"]?
      client.name == connection
    else # a connection, or a channel, whose name is the client's address and [NUMBER]
      name = params["name"]
      client.name == name || (client.is_a?(AMQP::Client) && client.channel_name_prefix == name.rpartition('[')[0])
    end
  end
end

# Each request makes a new user, so LavinMQ takes nobody for the user of a connection.
class LavinMQ::HTTP::ConnectionsController
  private def can_access_connection?(c : Client, user : Auth::BaseUser) : Bool
    previous_def || (user.is_a?(TokenwardAuth::User) && user.same_identity?(c.user))
  end
end

# Checks what LavinMQ doesn't: a message's own dead letter exchange or routing key, a message's user_id, and the second name
# of an alternate exchange. AMQP asks for rights; here they are refused.
class LavinMQ::HTTP::ExchangesController
  private def parse_body(context)
    body = super
    user = context.user
    return body unless user.is_a?(TokenwardAuth::User) && (members = body.as_h?)
    properties = members["properties"]?.try(&.as_h?)
    headers = properties.try(&.["headers"]?.try(&.as_h?))
    sender = properties.try(&.["user_id"]?)
    arguments = members["arguments"]?.try(&.as_h?)
    {"x-dead-letter-exchange", "x-dead-letter-routing-key"}.each do |header|
      access_refused(context, "#{header} in a message is not allowed here") if headers.try(&.has_key?(header))
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

# LavinMQ takes memory for as many messages as a request wants, whether they are there or not. 2147483647 end the broker.
class LavinMQ::HTTP::QueuesController
  private MOST_MESSAGES = 100_000

  private def parse_body(context)
    body = super
    count = context.user.is_a?(TokenwardAuth::User) ? body["count"]?.try(&.as_i64?) : nil
    bad_request(context, "count can be #{MOST_MESSAGES} at most") if count && count > MOST_MESSAGES
    body
  end

  # For each message of an answer, which goes on as long as the client takes to read it.
  private def encode_body(message, truncate, encoding, io) : String
    raise ::IO::Error.new("the token has ended") if TokenwardAuth.requester.try &.ended?
    previous_def
  end
end

# Since 2.9 a user can sign in to the management pages at the provider. The token then comes in a cookie.
{% if LavinMQ::HTTP.has_constant?("OAuthController") %}
  class LavinMQ::HTTP::OAuthController
    def call(context)
      TokenwardAuth::Origin.with(TokenwardAuth::Origin.of(context, bare: true)) { previous_def }
    rescue TokenwardAuth::KeysPending
      TokenwardAuth.unavailable(context)
    end
  end
{% end %}
