# Messages that a federation link brings. LavinMQ publishes them without the checks of an AMQP channel, and the upstream's
# server may be anybody's. So what a token's user links says nothing that those checks would refuse.
abstract class LavinMQ::Federation::Upstream::Link
  private TOKENWARD_DEAD_LETTER = {"x-dead-letter-exchange", "x-dead-letter-routing-key"}
  private TOKENWARD_COPIES      = {"CC", "BCC"}

  # A link that is stopped while it connects would go on when it has connected.
  private def state(state)
    if @upstream.tokenward_by_token? && stop_link? && !stop_link?(state)
      raise ::AMQP::Client::Error.new("stopped while it was connecting")
    end
    previous_def
  end

  # What `federate` reads of a message.
  private record TokenwardMessage, properties : AMQ::Protocol::Properties, body_io : ::IO::Memory

  private def federate(msg, exchange, routing_key, *, immediate = false)
    return previous_def unless @upstream.tokenward_by_token?
    raise ::AMQP::Client::Error.new("stopped") if stop_link? # its server goes on until it lets the connection go
    properties = msg.properties
    properties.user_id = nil
    if headers = properties.headers
      to_queue = exchange.empty? # with CC and BCC the default exchange would reach other queues
      # A server may send a header twice; delete takes the first one only.
      headers.reject! { |name, _| name.in?(TOKENWARD_DEAD_LETTER) || (to_queue && name.in?(TOKENWARD_COPIES)) }
      properties.headers = headers
    end
    previous_def(TokenwardMessage.new(properties, msg.body_io), exchange, routing_key, immediate: immediate)
  end
end
