module LavinMQ::TokenwardAuth
  module Certificate
    # SHA-256 of the certificate by which the client at the other end of the connection has proved itself, or nil. LavinMQ asks
    # for one in sections [sni:HOST] with tls_verify_peer alone, and the handshake fails there without one that OpenSSL verifies.
    def self.sha256(connection : ::IO) : Bytes?
      case connection
      when WebSocketIO           then return sha256(connection.tokenward_socket)
      when AMQ::Protocol::Stream then return sha256(connection.@io)
      when OpenSSL::SSL::Socket  then certificate = connection.peer_certificate
      else
        {% if OpenSSL::SSL.has_constant?("NativeSocket") %} # to 2.8, with tls_ktls
          certificate = connection.peer_certificate if connection.is_a?(OpenSSL::SSL::NativeSocket)
        {% end %}
      end
      certificate.try &.digest("SHA256")
    end
  end
end
