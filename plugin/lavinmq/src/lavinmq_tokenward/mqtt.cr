class LavinMQ::MQTT::ConnectionFactory
  def start(socket : ::IO, connection_info : ConnectionInfo)
    certificate = TokenwardAuth::Certificate.sha256(socket)
    origin = TokenwardAuth::Origin.new("mqtt", connection_info.remote_address, certificate: certificate)
    client = TokenwardAuth::Origin.with(origin) { previous_def }
    return client if origin.accepted? || TokenwardAuth.current.nil?
    # Up to 2.9 LavinMQ leaves the socket of a refused client open until the client closes it.
    socket.close rescue nil
    nil
  end

  def authenticate(io : ::MQTT::Protocol::IO, packet)
    TokenwardAuth::Origin.current.client_id = packet.client_id
    user_and_broker = previous_def
    if user_and_broker && (user = user_and_broker[0]).is_a?(TokenwardAuth::User)
      unless user_and_broker[1].tokenward_may_take?(packet.client_id, user)
        raise ::MQTT::Protocol::Error::NotAuthorized.new("no right to this client id, which another client or a session has")
      end
    end
    TokenwardAuth::Origin.current.accepted = !user_and_broker.nil?
    user_and_broker
  rescue ex : TokenwardAuth::KeysPending
    raise ::MQTT::Protocol::Error::ServerUnavailable.new(ex.message || "keys pending")
  end
end

class LavinMQ::MQTT::Broker
  # CONNACK, and the end of the client that had the client id, take as long as who reads them likes: others may have come
  # since `authenticate`.
  def add_client(io, connection_info, user, packet)
    if user.is_a?(TokenwardAuth::User)
      client_id = packet.client_id
      granted = tokenward_may_take?(client_id, user)
      if granted && (before = @clients[client_id]?)
        before.close("#{connection_info.remote_address} takes its client id over")
        now = @clients[client_id]?
        granted = (now.nil? || now == before) && tokenward_may_take?(client_id, user)
      end
      raise ::IO::Error.new("another client has taken the client id meanwhile") unless granted
    end
    previous_def
  end

  # An existing session delivers without a SUBSCRIBE, a clean CONNECT ends it, and any CONNECT ends the connection that has
  # the client id: what is another's needs the rights of a SUBSCRIBE.
  def tokenward_may_take?(client_id : String, user : TokenwardAuth::User) : Bool
    live = @clients[client_id]?
    return true unless sessions[client_id]? || (live && !user.same_identity?(live.user))
    user.can_read?(vhost.name, EXCHANGE) && user.can_write?(vhost.name, "mqtt.#{client_id}")
  end
end

# Clients with a token are always checked. [mqtt] permission_check_enabled, off by default, counts for other clients.
class LavinMQ::MQTT::Client
  private def read_loop
    if (user = @user).is_a?(TokenwardAuth::User)
      user.last_resort = -> { TokenwardAuth.cut_off(@io.io) }
    end
    previous_def
  end

  def recieve_publish(packet : ::MQTT::Protocol::Publish)
    user = @user
    if user.is_a?(TokenwardAuth::User) && !user.can_write?(@broker.vhost.name, EXCHANGE)
      close_socket
      return
    end
    previous_def
  end

  def recieve_subscribe(packet : ::MQTT::Protocol::Subscribe)
    user = @user
    if user.is_a?(TokenwardAuth::User)
      vhost = @broker.vhost.name
      unless user.can_read?(vhost, EXCHANGE) && user.can_write?(vhost, "mqtt.#{client_id}")
        close_socket
        return
      end
    end
    previous_def
  end

  private def publish_will
    user = @user
    return previous_def unless @will && user.is_a?(TokenwardAuth::User)
    user.publishing_will(@broker.vhost.name, EXCHANGE) { previous_def }
  end
end
