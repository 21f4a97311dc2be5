module Tokenward
  # What a client sent, unparsed. Prints without its secrets.
  struct Credentials
    # :nodoc:
    enum Kind
      SaslPlain         = 1
      SaslOauthbearer   = 2
      UsernamePassword  = 3
      HttpAuthorization = 4
      BearerToken       = 5
    end

    @data : String | Bytes
    @username : String | Bytes
    @password : String | Bytes

    private def initialize(@kind : Kind, @data = "", @username = "", @password = "")
    end

    # SASL PLAIN: authzid NUL authcid NUL passwd (RFC 4616 section 2).
    def self.plain(message : String | Bytes) : Credentials
      new(Kind::SaslPlain, data: message)
    end

    # SASL OAUTHBEARER: the raw first client message (RFC 7628 section 3.1).
    def self.oauthbearer(message : String | Bytes) : Credentials
      new(Kind::SaslOauthbearer, data: message)
    end

    # Username and password, as an MQTT CONNECT carries them or after AMQP PLAIN was parsed.
    def self.username_password(username : String | Bytes, password : String | Bytes) : Credentials
      new(Kind::UsernamePassword, username: username, password: password)
    end

    # The value of an HTTP Authorization header: "Bearer TOKEN" (RFC 6750) or "Basic ..." (RFC 7617).
    def self.http_authorization(value : String | Bytes) : Credentials
      new(Kind::HttpAuthorization, data: value)
    end

    # The token itself.
    def self.bearer(token : String | Bytes) : Credentials
      new(Kind::BearerToken, data: token)
    end

    # :nodoc:
    def lend : LibTokenward::Credentials
      lent = LibTokenward::Credentials.new
      lent.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Credentials))
      lent.kind = @kind.value
      lent.data = Text.lend(@data)
      lent.username = Text.lend(@username)
      lent.password = Text.lend(@password)
      lent
    end

    def inspect(io : IO) : Nil
      io << "Tokenward::Credentials(" << @kind << ')'
    end

    def to_s(io : IO) : Nil
      inspect(io)
    end
  end

  # Where the client came from, for log lines and their limits. It decides only where the configuration asks for it.
  # *client_id* is MQTT's, *connection_name* AMQP's or the program's own name of the connection.
  # *client_certificate_sha256*: SHA-256 of the client's TLS certificate in DER form, 32 bytes, or nil. Give it only if the TLS
  # handshake proved that the client has the private key. A token that is bound to a certificate needs it, at `refresh` too.
  # *client_id_bound*: the program promises to refuse the session unless the client id is bound to its identity.
  # *last_backend*: the program asks no other backend after this one: a password that isn't a token is a warning in the log.
  record Context, protocol : String = "", peer : String = "", client_id : String = "", connection_name : String = "",
    listener : String = "", client_certificate_sha256 : Bytes? = nil, client_id_bound : Bool = false,
    last_backend : Bool = false do
    # :nodoc:
    def lend(asks_again : Bool = false) : LibTokenward::Context
      lent = LibTokenward::Context.new
      lent.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Context))
      lent.protocol = Text.lend(protocol)
      lent.peer = Text.lend(peer)
      lent.client_id = Text.lend(client_id)
      lent.connection_name = Text.lend(connection_name)
      lent.listener = Text.lend(listener)
      lent.client_certificate_sha256 = Text.lend(client_certificate_sha256)
      lent.flags |= LibTokenward::CLIENT_ID_BOUND if client_id_bound
      lent.flags |= LibTokenward::LAST_BACKEND if last_backend
      lent.flags |= LibTokenward::ASKS_AGAIN if asks_again
      lent
    end
  end
end
