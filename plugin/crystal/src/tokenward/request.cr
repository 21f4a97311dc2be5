module Tokenward
  # What a client wants to do, as RabbitMQ and LavinMQ name it.
  enum Operation
    # declare, delete, bind
    Configure = 1
    # consume, get, subscribe, receive
    Read = 2
    # publish
    Write = 3
  end

  # How a request is meant. Without MqttFilter and MqttTopic the resource is a queue or an exchange. With a routing key,
  # the key is the filter or topic, in MQTT's spelling, and the resource an exchange.
  @[Flags]
  enum RequestFlags : UInt32
    # An MQTT topic filter: one scope must grant every topic that it matches. Strip "$share/group/" before.
    MqttFilter = 1
    # An MQTT topic name: one that begins with '$' is granted only by a pattern that begins with a literal '$'.
    MqttTopic = 2
    # Answer by the session's last rights although its time has run out: for a will, a stored message.
    PastEnd = 8
  end

  # An answer to a request. Everything but Allowed is a no.
  enum Verdict
    Allowed = LibTokenward::ALLOWED
    Denied  = LibTokenward::DENIED
    # The session has ended: disconnect the client.
    Expired = LibTokenward::EXPIRED
    # Misuse, such as a closed session.
    Error = LibTokenward::ERROR
  end

  # :nodoc:
  module Request
    def self.lend(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                  routing_key : String | Bytes | Nil, flags : RequestFlags) : LibTokenward::Request
      lent = LibTokenward::Request.new
      lent.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Request))
      lent.operation = operation.value
      lent.flags = flags.value
      # An empty key counts like any other: a request without a key is the wider question.
      lent.flags |= LibTokenward::ROUTING_KEY unless routing_key.nil?
      lent.vhost = Text.lend(vhost)
      lent.resource = Text.lend(resource)
      lent.routing_key = Text.lend(routing_key)
      lent
    end
  end
end
