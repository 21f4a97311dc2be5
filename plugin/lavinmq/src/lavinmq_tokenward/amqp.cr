class LavinMQ::AMQP::ConnectionFactory
  def authenticate(socket, remote_address, start_ok, log)
    name = start_ok.client_properties["connection_name"]?.try(&.as?(String)) || ""
    TokenwardAuth::Origin.with(TokenwardAuth::Origin.new("amqp", remote_address, name)) { previous_def }
  end
end

class LavinMQ::AMQP::Client
  private def read_loop
    if (user = @user).is_a?(TokenwardAuth::User)
      user.last_resort = -> { force_close; nil }
    end
    previous_def
  end

  # LavinMQ takes an alternate exchange under two names, and asks for the right to write to it under one only.
  private def declare_exchange(frame)
    user = @user
    other = frame.arguments["alternate-exchange"]?.try &.as?(String)
    return previous_def unless other && user.is_a?(TokenwardAuth::User)
    if frame.passive || (user.can_write?(@vhost.name, other) && user.can_read?(@vhost.name, frame.exchange_name))
      previous_def
    else
      send_access_refused(frame, "User '#{user.name}' doesn't have permissions to declare exchange '#{frame.exchange_name}'")
    end
  end

  private def handle_update_secret(frame : AMQP::Frame::Connection::UpdateSecret)
    user = @user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    origin = TokenwardAuth::Origin.new("amqp", @connection_info.remote_address, client_name)
    TokenwardAuth::Origin.with(origin) { previous_def }
    cancel_unreadable_consumers(user)
  end

  # LavinMQ asks for the right to read when a consumer begins, and never again.
  private def cancel_unreadable_consumers(user : TokenwardAuth::User) : Nil
    @channels.each_value do |channel|
      next unless channel.is_a?(AMQP::Channel)
      channel.consumers.dup.each do |consumer|
        next unless consumer.is_a?(AMQP::Consumer)
        consumer.cancel unless user.can_read?(@vhost.name, consumer.queue.name)
      end
    end
  end
end
