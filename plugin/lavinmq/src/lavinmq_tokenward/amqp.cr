class LavinMQ::AMQP::ConnectionFactory
  def authenticate(socket, remote_address, start_ok, log)
    name = start_ok.client_properties["connection_name"]?.try(&.as?(String)) || ""
    TokenwardAuth::Origin.with(TokenwardAuth::Origin.new("amqp", remote_address, name)) { previous_def }
  end
end

class LavinMQ::AMQP::Client
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
