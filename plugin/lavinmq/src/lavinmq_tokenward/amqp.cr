class LavinMQ::AMQP::ConnectionFactory
  def authenticate(socket, remote_address, start_ok, log)
    name = start_ok.client_properties["connection_name"]?.try(&.as?(String)) || ""
    TokenwardAuth::Origin.with(TokenwardAuth::Origin.new("amqp", remote_address, name)) { previous_def }
  end
end

class LavinMQ::AMQP::Client
  private def read_loop
    if (user = @user).is_a?(TokenwardAuth::User)
      user.last_resort = -> { tokenward_cut_off }
    end
    previous_def
  end

  private def tokenward_cut_off : Nil
    socket = @socket
    # Closing writes what is buffered, and the client may not read any more.
    socket.write_timeout = 1.second if socket.responds_to?(:"write_timeout=")
    force_close
  end

  # LavinMQ takes an alternate exchange from two argument names and of any type. It asks for the right to write to it for
  # one of the names only, and only if the argument is a text.
  private def declare_exchange(frame)
    user = @user
    return previous_def if frame.passive || !user.is_a?(TokenwardAuth::User)
    {"x-alternate-exchange", "alternate-exchange"}.each do |key|
      next unless other = frame.arguments[key]?.try &.to_s
      next if user.can_write?(@vhost.name, other) && user.can_read?(@vhost.name, frame.exchange_name)
      return send_access_refused(frame, "User '#{user.name}' doesn't have permissions to declare exchange " \
                                        "'#{frame.exchange_name}'")
    end
    previous_def
  end

  # For a queue with a dead letter exchange LavinMQ asks for the right to read a queue of the connection's name. It means
  # the queue that is declared.
  private def declare_new_queue(frame)
    user = @user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    frame.queue_name = AMQP::Queue.generate_name if frame.queue_name.empty? # LavinMQ would, later
    user.reading_instead_of(name, frame.queue_name) { previous_def }
  end

  private def handle_update_secret(frame : AMQP::Frame::Connection::UpdateSecret)
    user = @user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    previous_def
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

class LavinMQ::AMQP::Channel
  # A header of a message names its dead letter exchange, and comes before the queue's argument. LavinMQ asks for no right
  # to write there.
  def next_msg_headers(frame)
    user = @client.user
    if user.is_a?(TokenwardAuth::User)
      exchange = frame.properties.headers.try(&.fetch("x-dead-letter-exchange", nil).as?(String))
      if exchange && !user.can_write?(@client.vhost.name, exchange)
        @client.send_access_refused(frame, "User '#{user.name}' not allowed to publish to exchange '#{exchange}'")
        return
      end
    end
    previous_def
  end
end
