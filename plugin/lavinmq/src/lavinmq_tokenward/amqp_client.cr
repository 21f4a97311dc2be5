# The AMQP client with which LavinMQ connects for shovels and upstreams.
class Fiber
  # :nodoc: Gets the sockets of connections that the fiber opens.
  property tokenward_opens : Proc(::IO, Nil)?
end

class AMQP::Client::Connection
  # AMQP's least. With 8, or less, the client writes empty frames without end.
  TOKENWARD_LEAST_FRAME = 4_096

  private def self.tune(io, channel_max, frame_max, heartbeat)
    Fiber.current.tokenward_opens.try &.call(io)
    agreed = previous_def
    if 0 < agreed[1] < TOKENWARD_LEAST_FRAME # 0 is no limit
      raise Error.new("the server wants frames of at most #{agreed[1]} bytes; AMQP's least is #{TOKENWARD_LEAST_FRAME}")
    end
    agreed
  end
end
