class LavinMQ::AMQP::ConnectionFactory
  def authenticate(socket, remote_address, start_ok, log)
    name = start_ok.client_properties["connection_name"]?.try(&.as?(String)) || ""
    certificate = TokenwardAuth::Certificate.sha256(socket)
    TokenwardAuth::Origin.with(TokenwardAuth::Origin.new("amqp", remote_address, name, certificate: certificate)) { previous_def }
  end
end

class LavinMQ::AMQP::Client
  private def read_loop
    if (user = @user).is_a?(TokenwardAuth::User)
      user.stop_deliveries = -> { tokenward_stop_deliveries }
      user.last_resort = -> { tokenward_cut_off }
    end
    previous_def
  end

  # LavinMQ takes messages out of queues for a client until that has gone. It drops those that need no acknowledgement,
  # since it sends nothing after connection.close. Nothing here waits for the client.
  private def tokenward_stop_deliveries : Nil
    @channels.values.each do |channel|
      next unless channel.is_a?(AMQP::Channel)
      channel.tokenward_drop_reply_consumer
      {% if @type.has_method?("send_connection_close") %} # newer than 2.9: it counts closed channels, too
        close_channel(channel)
      {% else %}
        channel.close
      {% end %}
    end
  end

  private def tokenward_cut_off : Nil
    TokenwardAuth.cut_off(@socket)
    force_close
  end

  def close(reason = nil, timeout : Time::Span = 5.seconds)
    tokenward_stop_deliveries if @user.is_a?(TokenwardAuth::User)
    previous_def
  end

  # LavinMQ asks for no right if the exchange is there. It takes an alternate exchange from two argument names and of any
  # type, and asks for the right to write to it for one of the names only, and only if the argument is a text.
  private def declare_exchange(frame)
    user = @user
    name = frame.exchange_name
    return previous_def if name.empty? || !user.is_a?(TokenwardAuth::User)
    allowed = tokenward_may_declare?(user, frame.passive, name) &&
              (frame.passive || {"x-alternate-exchange", "alternate-exchange"}.all? { |key|
                other = frame.arguments[key]?.try &.to_s
                other.nil? || (user.can_write?(@vhost.name, other) && user.can_read?(@vhost.name, name))
              })
    return previous_def if allowed
    send_access_refused(frame, "User '#{user.name}' doesn't have permissions to declare exchange '#{name}'")
  end

  # LavinMQ asks for no right if the queue is there, and answers with the numbers of its messages and consumers.
  private def declare_queue(frame)
    user = @user
    name = frame.queue_name
    return previous_def if name.empty? || !user.is_a?(TokenwardAuth::User)
    allowed = case name
              when .in?(AMQP::Channel::REPLY_QUEUES) # nothing is there to know
                true
              when .starts_with?(AMQP::Channel::REPLY_KEY) # "is that client still there?", asked by who would answer it
                user.can_write?(@vhost.name, "")
              else
                tokenward_may_declare?(user, frame.passive, name)
              end
    return previous_def if allowed
    send_access_refused(frame, "User '#{user.name}' doesn't have permissions to declare queue '#{name}'")
  end

  private def tokenward_may_declare?(user : TokenwardAuth::User, passive : Bool, name : String) : Bool
    passive ? user.may_know_of?(@vhost.name, name) : user.can_config?(@vhost.name, name)
  end

  # For a queue with a dead letter exchange LavinMQ asks for the right to read a queue of the connection's name. It means
  # the queue that is declared.
  private def declare_new_queue(frame)
    user = @user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    frame.queue_name = AMQP::Queue.generate_name if frame.queue_name.empty? # LavinMQ would, later
    user.reading_instead_of(name, frame.queue_name) { previous_def }
  end

  # LavinMQ tells whether the queue is in use or empty before it asks for the right to delete it.
  private def delete_queue(frame)
    user = @user
    name = frame.queue_name.empty? ? @last_queue_name || "" : frame.queue_name
    return previous_def if !user.is_a?(TokenwardAuth::User) || user.can_config?(@vhost.name, name)
    send_access_refused(frame, "User '#{user.name}' doesn't have permissions to delete queue '#{name}'")
  end

  private def handle_update_secret(frame : AMQP::Frame::Connection::UpdateSecret)
    user = @user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    return if closed? # too late, and each refusal would cost a fiber
    previous_def
    if closed? # refused
      tokenward_stop_deliveries
      user.cut_off_later
    else
      cancel_unreadable_consumers(user)
    end
  end

  # LavinMQ asks for the right to read when a consumer begins, and never again.
  private def cancel_unreadable_consumers(user : TokenwardAuth::User) : Nil
    @channels.each_value do |channel|
      next unless channel.is_a?(AMQP::Channel)
      channel.consumers.dup.each do |consumer|
        next unless consumer.is_a?(AMQP::Consumer)
        consumer.cancel unless user.can_read?(@vhost.name, consumer.queue.name)
      end
      channel.tokenward_cancel_reply_consumer { |queue| !user.can_read?(@vhost.name, queue) }
      channel.tokenward_refuse_begun_publish(user)
    end
  end
end

class LavinMQ::AMQP::Channel
  # What a client consumes from to get replies, under two names.
  REPLY_QUEUES = {"amq.rabbitmq.reply-to", "amq.direct.reply-to"}
  # The routing key of a reply is this and the consumer's tag.
  REPLY_KEY = "amq.direct.reply-to."

  # Of REPLY_QUEUES, if a client with a token consumes from it.
  @tokenward_reply_queue : String?

  # Headers of a message choose its dead letter exchange and routing key, and come before the queue's arguments. LavinMQ
  # asks for no right to write there.
  def next_msg_headers(frame)
    user = @client.user
    if user.is_a?(TokenwardAuth::User) && (refusal = tokenward_refusal(user, frame.properties))
      @client.send_access_refused(frame, refusal)
      return
    end
    previous_def
  end

  # A key alone would go to the queue's dead letter exchange: nobody asked whether the publisher may write there.
  private def tokenward_refusal(user : TokenwardAuth::User, properties) : String?
    headers = properties.headers
    return unless headers
    if exchange = headers["x-dead-letter-exchange"]?.as?(String)
      return if user.can_write?(@client.vhost.name, exchange)
      "User '#{user.name}' not allowed to publish to exchange '#{exchange}'"
    elsif headers["x-dead-letter-routing-key"]?
      "The header x-dead-letter-routing-key needs x-dead-letter-exchange beside it"
    end
  end

  # The token may have ended while the message's body came in.
  private def finish_publish(body_io)
    previous_def unless !@running && @client.user.is_a?(TokenwardAuth::User)
  end

  # Of the message whose first frame came before an update-secret, the others come behind it.
  def tokenward_refuse_begun_publish(user : TokenwardAuth::User) : Nil
    return unless exchange = @next_publish_exchange_name
    properties = @next_msg_props
    return if user.can_write?(@client.vhost.name, exchange) && !(properties && tokenward_refusal(user, properties))
    code = AMQP::ChannelReplyCode::ACCESS_REFUSED
    text = "#{code} - User '#{user.name}' not allowed to publish to exchange '#{exchange}'"
    send AMQP::Frame::Channel::Close.new(@id, code.value, text, 60_u16, 40_u16)
    close
  end

  # Rights may be gone since the messages of the transaction came.
  def tx_commit(frame)
    user = @client.user
    return previous_def unless user.is_a?(TokenwardAuth::User)
    @tx_publishes.each do |publish|
      message = publish.message
      validate_user_id(message.properties.user_id)
      refusal = if user.can_write?(@client.vhost.name, message.exchange_name)
                  tokenward_refusal(user, message.properties)
                else
                  "User '#{user.name}' not allowed to publish to exchange '#{message.exchange_name}'"
                end
      return @client.send_access_refused(frame, refusal) if refusal
    end
    previous_def
  end

  # LavinMQ hands a message with such a routing key to the consumer whatever its exchange is, and doesn't compare its
  # user_id. A reply goes through the default exchange. In a transaction LavinMQ sends the consumer a broken message, which
  # ends its connection.
  private def direct_reply?(msg) : Bool
    return previous_def unless @client.user.is_a?(TokenwardAuth::User) && msg.routing_key.starts_with?(REPLY_KEY)
    return false unless msg.exchange_name.empty?
    raise LavinMQ::Error::PreconditionFailed.new("A direct reply can't be part of a transaction") if @tx
    validate_user_id(msg.properties.user_id)
    previous_def
  end

  # Replies go to whoever has consumed with the tag last.
  def consume(frame)
    user = @client.user
    return previous_def unless user.is_a?(TokenwardAuth::User) && frame.queue.in?(REPLY_QUEUES)
    if @direct_reply_consumer # LavinMQ would forget its tag, but still try to deliver there when the channel is closed
      return @client.send_precondition_failed(frame, "The channel has a reply consumer already")
    end
    holder = tokenward_reply_channel(frame.consumer_tag)
    if holder && holder.running? && !user.same_identity?(holder.@client.user)
      return @client.send_resource_locked(frame, "The reply consumer tag '#{frame.consumer_tag}' is in use")
    end
    @tokenward_reply_queue = frame.queue
    previous_def
  end

  # Ends the reply consumer, and says so to the client, if the block wants it for the queue.
  def tokenward_cancel_reply_consumer(& : String -> Bool) : Nil
    return unless (tag = @direct_reply_consumer) && (queue = @tokenward_reply_queue) && yield queue
    tokenward_drop_reply_consumer
    send AMQP::Frame::Basic::Cancel.new(@id, tag, no_wait: true)
  end

  def tokenward_drop_reply_consumer : Nil
    return unless tag = @direct_reply_consumer
    @direct_reply_consumer = nil
    return unless tokenward_reply_channel(tag) == self # a newer connection of the same user may have it
    {% if LavinMQ::VHost.has_method?("direct_reply_consumer_delete") %}
      @client.vhost.direct_reply_consumer_delete(tag)
    {% else %} # to 2.8
      @client.vhost.direct_reply_consumers.delete(tag)
    {% end %}
  end

  private def tokenward_reply_channel(tag : String) : AMQP::Channel?
    {% if LavinMQ::VHost.has_method?("direct_reply_consumer?") %}
      @client.vhost.direct_reply_consumer?(tag).as?(AMQP::Channel)
    {% else %} # to 2.8
      @client.vhost.direct_reply_consumers[tag]?.as?(AMQP::Channel)
    {% end %}
  end
end
