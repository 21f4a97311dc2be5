module LavinMQ::TokenwardAuth
  # The other members of a shovel, an upstream or an entry of an upstream set. LavinMQ stores a value before it reads it, and
  # fails at a member of another type or out of range.
  module OutgoingMembers
    alias Members = Hash(String, JSON::Any)

    PREFETCH = 0_i64..65_535_i64
    # Without a delay, LavinMQ reconnects in a loop that takes a core and fills the log.
    DELAY = 1_i64..Int32::MAX.to_i64
    # After ten attempts LavinMQ takes the seconds of a shovel's delay without its minutes: with 60 it waits no more.
    SHOVEL_DELAY = 1_i64..59_i64
    NUMBER       = 0_i64..Int64::MAX

    def self.fault_of_shovel(members : Members) : String?
      fault_of_texts(members, "src-queue", "src-exchange", "src-exchange-key", "dest-queue", "dest-exchange",
        "dest-exchange-key") ||
        fault_of_number(members, "src-prefetch-count", PREFETCH) ||
        fault_of_number(members, "reconnect-delay", SHOVEL_DELAY) ||
        fault_of_choice(members, "ack-mode", Shovel::AckMode) ||
        fault_of_choice(members, "src-delete-after", Shovel::DeleteAfter) ||
        fault_of_object(members, "src-consumer-args")
    end

    # LavinMQ's page for upstreams sends null for a number that isn't filled in.
    def self.fault_of_upstream(members : Members) : String?
      given = members.reject { |name, value| value.raw.nil? && name.in?("reconnect-delay", "max-hops", "expires", "message-ttl") }
      fault_of_entry(given) || fault_of_texts(members, "consumer-tag")
    end

    def self.fault_of_entry(members : Members) : String?
      fault_of_texts(members, "exchange", "queue") ||
        fault_of_number(members, "prefetch-count", PREFETCH) ||
        fault_of_number(members, "reconnect-delay", DELAY) ||
        fault_of_number(members, "max-hops", NUMBER) ||
        fault_of_number(members, "expires", NUMBER) ||
        fault_of_number(members, "message-ttl", NUMBER) ||
        fault_of_choice(members, "ack-mode", Federation::AckMode)
    end

    private def self.fault_of_texts(members : Members, *names : String) : String?
      names.each do |name|
        return "#{name} must be a text" if members[name]?.try { |value| !value.as_s? }
      end
      nil
    end

    private def self.fault_of_number(members : Members, name : String, range : Range(Int64, Int64)) : String?
      return nil unless value = members[name]?
      number = value.raw.as?(Int64)
      return nil if number && range.includes?(number)
      "#{name} must be a whole number from #{range.begin} to #{range.end}"
    end

    # LavinMQ takes its default for a text that it doesn't know.
    private def self.fault_of_choice(members : Members, name : String, choices : Enum.class) : String?
      return nil unless value = members[name]?
      return nil if value.as_s?.try { |text| choices.parse?(text.delete('-')) }
      "#{name} must be one of #{choices.names.join(", ", &.underscore.tr("_", "-"))}"
    end

    private def self.fault_of_object(members : Members, name : String) : String?
      "#{name} must be a JSON object" if members[name]?.try { |value| !value.as_h? }
    end
  end
end
