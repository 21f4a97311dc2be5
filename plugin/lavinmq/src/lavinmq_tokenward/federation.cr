# Messages that a federation link brings. LavinMQ publishes them without the checks of an AMQP channel, and the upstream's
# server may be anybody's. So what a token's user links says nothing that those checks would refuse.
class LavinMQ::Federation::Upstream
  # Whether a token's user made the upstream, or the entry of a set that it is a copy for. Links outlive the parameter, so it
  # is kept here.
  property? tokenward_by_token = false
end

class LavinMQ::Federation::UpstreamStore
  def create_upstream(name, config)
    upstream = previous_def
    upstream.tokenward_by_token = tokenward_by_token?(VHost::FEDERATION_UPSTREAM, name)
    upstream
  end

  def create_upstream_set(name, config)
    upstreams = previous_def(name, TokenwardAuth::PolicyRights.allowed_entries(@vhost, name, config))
    if tokenward_by_token?(VHost::FEDERATION_UPSTREAM_SET, name)
      upstreams.each { |one| one.tokenward_by_token = true unless @upstreams[one.name]?.same?(one) }
    end
    upstreams
  end

  # The record may be gone already: while LavinMQ waits for the server of a link that this replaces, its maker can delete it.
  private def tokenward_by_token?(component : String, name : String) : Bool
    return true if TokenwardAuth.requester
    !TokenwardAuth.owners.try(&.maker(@vhost, component, name)).nil?
  end
end

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
