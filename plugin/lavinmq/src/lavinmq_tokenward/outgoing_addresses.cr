require "uri"

module LavinMQ::TokenwardAuth
  # The addresses to which LavinMQ connects for a shovel or a federation upstream. LavinMQ gives an address without a user
  # and host its internal user, who may do everything, and one without a user the default user. So an address of a token's
  # user must have a host, and a user and password of its own.
  module OutgoingAddresses
    AMQP    = {"amqp", "amqps"}
    OR_HTTP = {"amqp", "amqps", "http", "https"}

    # Parameters in the query of an AMQP address. The AMQP client's others read files of the broker's machine or take as
    # much memory as they are told.
    PARAMETERS = {"name", "heartbeat", "channel_max", "frame_max", "tcp_nodelay", "tcp_keepalive", "recv_buffer_size",
                  "send_buffer_size", "verify", "cacertfile"}

    # Those of them that are numbers. With a larger frame_max the server at that address makes LavinMQ take as much memory.
    NUMBERS = {
      "heartbeat"        => 0..65_535,
      "channel_max"      => 0..65_535,
      "frame_max"        => 4_096..131_072,
      "recv_buffer_size" => 4_096..16_777_216,
      "send_buffer_size" => 4_096..16_777_216,
    }

    MASK = "***"

    # What is wrong with a parameter of that component, its addresses above all; nil if nothing is.
    def self.fault(component : String?, value : JSON::Any) : String?
      case component
      when VHost::SHOVEL
        shovel = value.as_h? || return "a shovel's value must be a JSON object"
        fault_of_list("src-uri", shovel["src-uri"]?, AMQP) || fault_of_list("dest-uri", shovel["dest-uri"]?, OR_HTTP) ||
          OutgoingMembers.fault_of_shovel(shovel)
      when VHost::FEDERATION_UPSTREAM
        upstream = value.as_h? || return "an upstream's value must be a JSON object"
        fault_of_one("uri", upstream["uri"]?, AMQP) || OutgoingMembers.fault_of_upstream(upstream)
      when VHost::FEDERATION_UPSTREAM_SET
        fault_of_set(value)
      end
    end

    # The value of a parameter, with the passwords of its addresses masked.
    def self.masked(value : JSON::Any) : JSON::Any
      case raw = value.raw
      when String then JSON::Any.new(raw.sub(/(\/\/[^:@\/?#]*):.*@/m, "\\1:#{MASK}@"))
      when Array  then JSON::Any.new(raw.map { |one| masked(one) })
      when Hash   then JSON::Any.new(raw.transform_values { |one| masked(one) })
      else             value
      end
    end

    private def self.fault_of_set(value : JSON::Any) : String?
      entries = value.as_a? || return "an upstream set's value must be a JSON array"
      entries.each_with_index do |entry, i|
        members = entry.as_h?
        unless members && members["upstream"]?.try(&.as_s?)
          return "entry #{i + 1}: it must be a JSON object whose member upstream is a text"
        end
        fault = fault_of_one("uri", members["uri"], AMQP) if members.has_key?("uri")
        fault ||= OutgoingMembers.fault_of_entry(members)
        return "entry #{i + 1}: #{fault}" if fault
      end
      nil
    end

    private def self.fault_of_list(field : String, addresses : JSON::Any?, schemes) : String?
      list = addresses.try(&.as_a?)
      return fault_of_one(field, addresses, schemes) unless list
      return "#{field}: the array is empty" if list.empty?
      list.each do |address|
        fault = fault_of_one(field, address, schemes)
        return fault if fault
      end
      nil
    end

    private def self.fault_of_one(field : String, address : JSON::Any?, schemes) : String?
      text = address.try(&.as_s?)
      return "#{field} must be a text such as #{example(schemes)}" unless text
      what = fault_of_text(text, schemes)
      what && "#{field} #{shown(text).dump}: #{what}. It must be like #{example(schemes)}, with a user or token of your own"
    end

    private def self.fault_of_text(text : String, schemes) : String?
      uri = URI.parse(text) # as LavinMQ reads it
      user = uri.user || ""
      scheme = uri.scheme || ""
      return "its scheme must be one of #{schemes.join(", ")}" unless schemes.includes?(scheme)
      return "it has no host, or none that can be one" unless host?(uri.hostname || "")
      return "it has no user" if user.empty?
      return "it has no password" if (uri.password || "").empty?
      return "its password is the #{MASK} that stands for one: write the password" if uri.password == MASK
      names = {user, URI.decode_www_form(user)} # the AMQP client decodes it once more
      return "its user is LavinMQ's internal one" if names.any? { |name| Auth::UserStore.hidden?(name) }
      if Config.instance.default_user_only_loopback? && names.includes?(Config.instance.default_user)
        return "its user is the default user, who may come from the broker's machine only (default_user_only_loopback)"
      end
      return nil unless AMQP.includes?(scheme) # an HTTP address keeps its query for the server
      uri.query_params.each do |name, value|
        return "its parameter #{name.dump} is not allowed here" unless PARAMETERS.includes?(name)
        next unless range = NUMBERS[name]?
        unless value.matches?(/\A[0-9]{1,9}\z/) && range.includes?(value.to_i)
          return "its parameter #{name} must be a number from #{range.begin} to #{range.end}"
        end
      end
      nil
    rescue ex : URI::Error | ArgumentError
      "it can't be read (#{ex.message})"
    end

    # A name or an IP address. The AMQP client takes a host that begins with a slash as the path of a socket.
    private def self.host?(host : String) : Bool
      !host.empty? && host.each_char.all? { |c| c.ascii_alphanumeric? || c.in?('-', '.', '_', ':') }
    end

    # An address for a message: without a password, and not long. A port that is no number may be one.
    private def self.shown(address : String) : String
      before, at, rest = address.rpartition('@')
      start = at.empty? ? "" : (before[/\A[^:\/]*:\/\//]? || "") + "#{MASK}@"
      start + rest.partition('?')[0].sub(/:(?!\/\/|\d+(?:\/|\z))[^\/]*/, ":#{MASK}")[0, 100]
    end

    private def self.example(schemes) : String
      web = schemes.includes?("http") ? " or https://USER:PASSWORD@HOST/PATH" : ""
      "amqps://USER:PASSWORD@HOST/VHOST#{web}"
    end
  end
end
