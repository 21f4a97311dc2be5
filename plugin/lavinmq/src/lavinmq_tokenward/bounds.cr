# Bounds for what one client's input may cost the broker. LavinMQ has none there: a stack overflows, a loop doesn't end in
# a lifetime, or memory runs out, and the broker is gone for everybody. They hold for every client, local users included;
# no honest one meets them.
module LavinMQ::TokenwardAuth::Bounds
  # How deep arrays and tables may stand in each other. JSON, in which the HTTP API shows them, ends at 99.
  TABLE_DEPTH = 64
  # What a level of arrays takes at least: the type and the size.
  TABLE_LEVEL_BYTES = 5
  # How long a table may be. LavinMQ's AMQP client takes the memory before it has read it, whatever its frame_max is.
  TABLE_BYTES = 16_777_216
  # How many '/' an MQTT topic or filter may have.
  TOPIC_SLASHES = 200
  # A destination's weight at an x-consistent-hash exchange: its routing key.
  WEIGHT = 10_000_u32
  # Room that a deduplication cache takes at once, in entries.
  CACHE_CAPACITY = 1000_u32
  # How deep the JSON of a request may be nested. What it declares is shown a few levels deeper, where JSON ends at 99.
  JSON_DEPTH = 64
  TOO_DEEP   = "The JSON is nested more than #{JSON_DEPTH} levels deep"
  # After so many filters of an MQTT packet, and after so many messages that MQTT clients' packets put into sessions, it is
  # the others' turn.
  FILTERS_AT_ONCE  =   10
  MESSAGES_AT_ONCE = 1000

  # Fails if the content of an AMQP table is nested too deeply. It needs no stack itself. An entry that is longer than what
  # it stands in fails, too: who skips it goes on elsewhere than who reads it, so its depth says nothing.
  def self.check_table(bytes : Bytes) : Nil
    return if bytes.size < TABLE_DEPTH * TABLE_LEVEL_BYTES
    position = 0
    open = [{bytes.size, true}] # the end, whether its entries have names
    while container = open.last?
      limit, named = container
      if position == limit
        open.pop
        next
      end
      position += 1 + bytes[position] if named
      malformed unless position < limit
      type = bytes[position].unsafe_chr
      position += 1
      size = case type
             when 't', 'b', 'B'      then 1_u32
             when 's', 'u', 'U'      then 2_u32
             when 'I', 'i', 'f'      then 4_u32
             when 'D'                then 5_u32
             when 'l', 'L', 'd', 'T' then 8_u32
             when 'V'                then 0_u32
             when 'S', 'x', 'A', 'F'
               malformed if limit - position < 4
               position += 4
               IO::ByteFormat::NetworkEndian.decode(UInt32, bytes[position - 4, 4])
             else malformed
             end
      malformed if size > limit - position
      if type.in?('A', 'F')
        raise AMQ::Protocol::Error::FrameDecode.new("A table is nested more than #{TABLE_DEPTH} levels deep") if open.size > TABLE_DEPTH
        open << {position + size.to_i, type == 'F'}
      else
        position += size.to_i
      end
    end
  end

  # The length of the table that follows.
  def self.table_size(io, format, size : UInt32?) : UInt32
    size ||= UInt32.from_io(io, format)
    return size if size <= TABLE_BYTES
    raise AMQ::Protocol::Error::FrameDecode.new("A table of #{size} bytes is longer than #{TABLE_BYTES}")
  end

  private def self.malformed : NoReturn
    raise AMQ::Protocol::Error::FrameDecode.new("A table is malformed")
  end

  # LavinMQ goes down the levels of a topic by recursion.
  def self.check_topic(topic : String) : Nil
    return if topic.count('/') <= TOPIC_SLASHES
    raise ::MQTT::Protocol::Error::PacketDecode.new("A topic has more than #{TOPIC_SLASHES} '/'")
  end

  # An uploaded file of definitions: it doesn't come by `parse_body`.
  def self.check_import(json : JSON::Any) : Nil
    return unless Fiber.current.tokenward_request && deeper?(json, JSON_DEPTH)
    raise LavinMQ::Error::PreconditionFailed.new(TOO_DEEP)
  end

  def self.deeper?(json : JSON::Any, levels : Int32) : Bool
    case value = json.raw
    when Array then levels.zero? || value.any? { |one| deeper?(one, levels - 1) }
    when Hash  then levels.zero? || value.any? { |_, one| deeper?(one, levels - 1) }
    else            false
    end
  end
end

# What comes from a connection comes through here: frames of clients, and of the servers of shovels and upstreams.
{% if AMQ::Protocol::Table.struct? %} # to 2.8
  struct AMQ::Protocol::Table
    def self.from_io(io, format, size : UInt32? = nil) : self
      size = LavinMQ::TokenwardAuth::Bounds.table_size(io, format, size)
      previous_def(io, format, size).tap { |table| LavinMQ::TokenwardAuth::Bounds.check_table(table.@io.to_slice) }
    end
  end
{% else %}
  class AMQ::Protocol::Table
    def self.from_io(io, format, size : UInt32? = nil) : self
      size = LavinMQ::TokenwardAuth::Bounds.table_size(io, format, size)
      previous_def(io, format, size).tap { |table| LavinMQ::TokenwardAuth::Bounds.check_table(table.to_slice) }
    end
  end
{% end %}

class LavinMQ::HTTP::RequireUserHandler
  # LavinMQ keeps names of the path in JSON files. It doesn't start any more if one isn't UTF-8.
  def call(context)
    return previous_def if context.user.nil? || URI.decode(context.request.path).valid_encoding?
    context.response.status_code = 400
    context.response.content_type = "application/json"
    {error: "bad_request", reason: "The path is not UTF-8"}.to_json(context.response)
  end
end

class LavinMQ::MQTT::ConnectionFactory
  def authenticate(io : ::MQTT::Protocol::IO, packet)
    packet.will.try { |will| TokenwardAuth::Bounds.check_topic(will.topic) }
    previous_def
  end
end

class LavinMQ::MQTT::Client
  def recieve_publish(packet : ::MQTT::Protocol::Publish)
    TokenwardAuth::Bounds.check_topic(packet.topic)
    previous_def
  end

  def recieve_subscribe(packet : ::MQTT::Protocol::Subscribe)
    packet.topic_filters.each { |filter| TokenwardAuth::Bounds.check_topic(filter.topic) }
    previous_def
  end

  def recieve_unsubscribe(packet : ::MQTT::Protocol::Unsubscribe)
    packet.topics.each { |topic| TokenwardAuth::Bounds.check_topic(topic) }
    previous_def
  end
end

class LavinMQ::MQTT::Broker
  # LavinMQ handles a whole packet before it does anything else, and looks through all bindings for each filter.
  def subscribe(client, topics)
    topics.each_slice(TokenwardAuth::Bounds::FILTERS_AT_ONCE).flat_map { |some|
      Fiber.yield
      raise ::IO::Error.new("Closed while it subscribed") if client.@closed
      previous_def(client, some)
    }.to_a
  end

  def unsubscribe(client_id, topics)
    topics.each_slice(TokenwardAuth::Bounds::FILTERS_AT_ONCE) do |some|
      Fiber.yield
      previous_def(client_id, some)
    end
  end

  # LavinMQ handles 128 KB of packets before it does anything else. A message goes to a session once for each filter that
  # matches.
  def publish(packet : ::MQTT::Protocol::Publish)
    count = previous_def
    if (@tokenward_messages &+= count) > TokenwardAuth::Bounds::MESSAGES_AT_ONCE
      @tokenward_messages = 0_u32
      Fiber.yield
    end
    count
  end

  @tokenward_messages = 0_u32
end

abstract class LavinMQ::HTTP::Controller
  # What is declared with it would make every list with it fail, and a parameter with it couldn't be written, nor any other.
  private def parse_body(context) : JSON::Any
    body = previous_def
    bad_request(context, TokenwardAuth::Bounds::TOO_DEEP) if TokenwardAuth::Bounds.deeper?(body, TokenwardAuth::Bounds::JSON_DEPTH)
    body
  end
end

class LavinMQ::AMQP::TopicBindingKey
  # The same answers as LavinMQ's, which takes exponential time with several '#'. If a later '#' is reached, what an earlier
  # one took never needs to change: so only the last one is tried again.
  def matches?(rk) : Bool
    word = rk
    index = 0
    last_hash = nil
    while word
      segment = @key[index]?
      if segment == "#"
        last_hash = {index, word}
        index += 1
      elsif segment && (segment == "*" || segment.to_slice == word.value)
        index += 1
        word = word.next
      else
        return false unless last_hash
        index = last_hash[0] + 1
        word = last_hash[1].next
        last_hash = {last_hash[0], word} if word
      end
    end
    !rk.nil? && (index...@key.size).all? { |rest| @key[rest] == "#" }
  end
end

class LavinMQ::AMQP::ConsistentHashExchange
  # LavinMQ makes that many entries for a binding.
  private def weight(routing_key : String) : UInt32
    weight = previous_def
    return weight if weight <= TokenwardAuth::Bounds::WEIGHT
    raise LavinMQ::Error::PreconditionFailed.new("Routing key must be at most #{TokenwardAuth::Bounds::WEIGHT}")
  end
end

class LavinMQ::Deduplication::MemoryCache(T)
  # LavinMQ takes memory for x-cache-size messages when the queue or exchange is declared, before there is one.
  def initialize(size : UInt32? = nil)
    entries = size || 128_u32 # LavinMQ's number
    previous_def(Math.min(entries, TokenwardAuth::Bounds::CACHE_CAPACITY))
    @size = entries
  end
end
