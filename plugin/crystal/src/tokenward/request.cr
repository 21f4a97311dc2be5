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

  # Says that the resource of a request is an MQTT filter or topic. Without a flag it is a queue or an exchange.
  @[Flags]
  enum RequestFlags : UInt32
    # An MQTT topic filter: one scope must grant every topic that it matches. Strip "$share/group/" before.
    MqttFilter = 1
    # An MQTT topic name: one that begins with '$' is granted only by a pattern that begins with a literal '$'.
    MqttTopic = 2
  end

  # An answer to a request. Everything but Allowed is a no.
  enum Verdict
    Allowed = 0
    Denied  = 1
    # The session has ended: disconnect the client.
    Expired = 2
    # Misuse, such as a closed session.
    Error = 3
  end

  # :nodoc:
  module Request
    def self.lend(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                  routing_key : String | Bytes | Nil, flags : RequestFlags) : LibTokenward::Request
      lent = LibTokenward::Request.new
      lent.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Request))
      lent.operation = operation.value
      lent.flags = flags.value
      lent.vhost = Text.lend(vhost)
      lent.resource = Text.lend(resource)
      lent.routing_key = Text.lend(routing_key)
      lent
    end
  end
end
