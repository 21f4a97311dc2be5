module LavinMQ::TokenwardAuth
  # The client of the connection that the running fiber serves. LavinMQ's Auth::Context doesn't tell it.
  class Origin
    getter protocol : String
    getter peer : String
    # MQTT's.
    property client_id = ""
    # AMQP's.
    getter connection_name : String
    # Whether there is a password without a username, as in the cookie of LavinMQ's pages.
    getter? bare : Bool
    # Whether the login succeeded; set for MQTT.
    property? accepted = false
    # SHA-256 of the client's TLS certificate.
    @certificate : Bytes?

    def initialize(@protocol, peer, @connection_name = "", @bare = false, @certificate = nil)
      @peer = peer.to_s
    end

    def self.of(context : ::HTTP::Server::Context, bare = false) : Origin
      certificate = Certificate.sha256(context.response.@io)
      new("http", context.request.remote_address, bare: bare, certificate: certificate)
    end

    UNKNOWN = new("", nil)

    def self.current : Origin
      Fiber.current.tokenward_origin || UNKNOWN
    end

    # Logins in the block come from *origin*.
    def self.with(origin : Origin, &)
      fiber = Fiber.current
      before = fiber.tokenward_origin
      fiber.tokenward_origin = origin
      begin
        yield
      ensure
        fiber.tokenward_origin = before
      end
    end

    # For the log.
    def to_s(io : ::IO) : Nil
      io << @protocol << " client " << @peer
      {"client_id" => @client_id, "connection_name" => @connection_name}.each do |key, value|
        io << ' ' << key << '=' << value[0, 64].dump unless value.empty?
      end
    end

    # For the library's log lines.
    def context(last_backend : Bool = false) : ::Tokenward::Context
      ::Tokenward::Context.new(protocol: @protocol, peer: @peer, client_id: @client_id, connection_name: @connection_name,
        client_certificate_sha256: @certificate, last_backend: last_backend)
    end
  end
end

class Fiber
  # :nodoc:
  property tokenward_origin : LavinMQ::TokenwardAuth::Origin?
end
