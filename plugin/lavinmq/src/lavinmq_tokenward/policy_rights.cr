module LavinMQ::TokenwardAuth
  # LavinMQ asks for no right on what a policy changes. A policy does for queues and exchanges what their own arguments
  # would, so it needs the rights for that, on everything that its pattern can ever match: a queue that is declared later
  # counts too.
  module PolicyRights
    CHANGED = {::Tokenward::Operation::Configure}
    # Messages leave what the pattern matches.
    AWAY = {::Tokenward::Operation::Configure, ::Tokenward::Operation::Read}
    # Messages come into what the pattern matches, and the upstream hears of its bindings.
    LINKED = {::Tokenward::Operation::Configure, ::Tokenward::Operation::Read, ::Tokenward::Operation::Write}

    # By key; every other key needs CHANGED.
    NEEDED = {
      "dead-letter-exchange"    => AWAY,
      "dead-letter-routing-key" => AWAY,
      "alternate-exchange"      => AWAY,
      "federation-upstream"     => LINKED,
      "federation-upstream-set" => LINKED,
    }

    # They can take all the stack, or reach a limit, at a name that isn't there yet.
    UNBOUNDED = /\(\*|\(\?(?:[0-9R&+(]|-[0-9]|P>)|\\g/

    # What is wrong with the pattern itself, or nil.
    def self.fault_of_pattern(pattern : String) : String?
      found = UNBOUNDED.match(pattern) || return nil
      "the policy's pattern #{pattern.dump} has #{found[0].dump}: recursion, conditions, verbs and references by \\g can " \
      "keep LavinMQ from matching any policy, and are refused"
    end

    # Why the user may not make this policy, or nil.
    def self.fault(user : User, vhost : String, pattern : String, definition : Hash(String, JSON::Any)) : String?
      fault = fault_of_change(user, vhost, pattern)
      return fault if fault || exempt?(user)
      reach = Reach.of(pattern)
      definition.each do |key, value|
        next unless operations = NEEDED[key]?
        if missing = reach.missing(user, vhost, operations)
          return denial("the policy's #{key}", pattern, reach, operations, missing)
        end
        if key == "dead-letter-routing-key" && Reach::EVERYTHING.missing(user, vhost, {::Tokenward::Operation::Write})
          # A queue's own x-dead-letter-exchange counts more than the policy's, and may name any.
          return "the policy's #{key} needs write on every exchange of the vhost: each queue can have a dead letter " \
                 "exchange of its own, to which the key would go; write is missing"
        end
        next unless key.in?("dead-letter-exchange", "alternate-exchange")
        exchange = value.as_s? || ""
        return "the policy's #{key} needs write on the exchange #{exchange.dump}" unless user.can_write?(vhost, exchange)
      end
      nil
    end

    # Why the user may not take away or replace a policy with this pattern, or nil.
    def self.fault_of_change(user : User, vhost : String, pattern : String) : String?
      return nil if exempt?(user)
      reach = Reach.of(pattern)
      missing = reach.missing(user, vhost, CHANGED)
      missing && denial("the policy", pattern, reach, CHANGED, missing)
    end

    # An administrator could give himself every right.
    private def self.exempt?(user : User) : Bool
      user.tags.any?(&.administrator?)
    end

    private def self.denial(what, pattern, reach, operations, missing) : String
      "#{what} needs #{in_words(operations)} on every queue and exchange that the pattern #{pattern.dump} can match, now " \
      "or later: #{reach}; #{in_words({missing})} is missing"
    end

    # Why the user may not make this upstream or upstream set, or nil. A policy that is there already would link it at once.
    def self.upstream_fault(user : User, vhost : VHost, component : String?, name : String) : String?
      return nil if exempt?(user)
      vhost.policies.values.each do |policy|
        next unless links?(vhost, policy.definition, component, name)
        reach = Reach.of(policy.pattern.source)
        if missing = reach.missing(user, vhost.name, LINKED)
          return "the policy #{policy.name.dump} links #{component} #{name.dump} to what it matches, which needs " \
                 "#{in_words(LINKED)} there: #{reach}; #{in_words({missing})} is missing"
        end
      end
      nil
    end

    # An entry of a set can make an upstream, with its address, take another exchange or queue. Why the user may not, or nil.
    def self.set_fault(user : User, vhost : VHost, component : String?, value : JSON::Any) : String?
      return nil if component != VHost::FEDERATION_UPSTREAM_SET || exempt?(user)
      value.as_a.each_with_index do |entry, i|
        upstream = changed_upstream(entry)
        next if !upstream || TokenwardAuth.owners.try &.maker(vhost, VHost::FEDERATION_UPSTREAM, upstream).try &.same?(user)
        return "entry #{i + 1}: it changes the exchange or queue of the upstream #{upstream.dump}, which you didn't make: " \
               "leave them as they are, or add a uri of your own"
      end
      nil
    end

    # A stored set without the entries that its maker might not write now: somebody else made the upstream anew.
    def self.allowed_entries(vhost : VHost, name : String, value : JSON::Any) : JSON::Any
      return value unless owners = TokenwardAuth.owners
      maker = owners.maker(vhost, VHost::FEDERATION_UPSTREAM_SET, name)
      return value if maker.nil? || maker.administrator?
      JSON::Any.new(value.as_a.select do |entry|
        upstream = changed_upstream(entry) || next true
        next true if owners.maker(vhost, VHost::FEDERATION_UPSTREAM, upstream).try &.same?(maker)
        Log.warn do
          "federation-upstream-set #{name.dump} in #{vhost.name.dump}, made by #{maker.username.dump}: an entry is left out, " \
          "since it changes the exchange or queue of the upstream #{upstream.dump}, which somebody else made"
        end
        false
      end)
    end

    # The upstream with whose address the entry of a set takes another exchange or queue.
    private def self.changed_upstream(entry : JSON::Any) : String?
      members = entry.as_h
      return nil if members.has_key?("uri") || !(members.has_key?("exchange") || members.has_key?("queue"))
      members["upstream"].as_s
    end

    private def self.links?(vhost : VHost, definition : Hash(String, JSON::Any), component : String?, name : String) : Bool
      set = definition["federation-upstream-set"]?.try(&.as_s?)
      return set == name if component == VHost::FEDERATION_UPSTREAM_SET
      return false unless component == VHost::FEDERATION_UPSTREAM
      return true if definition["federation-upstream"]?.try(&.as_s?) == name
      return true if set == "all" # LavinMQ's name for all upstreams
      return false unless set && (parameter = vhost.parameters[{VHost::FEDERATION_UPSTREAM_SET, set}]?)
      entries = parameter.value.as_a? || return false
      entries.any? { |entry| entry.as_h?.try(&.["upstream"]?.try(&.as_s?)) == name }
    end

    private def self.in_words(operations) : String
      operations.join(", ", &.to_s.downcase)
    end

    # The names that a pattern of a policy can match: at most all that begin with a text, or one name.
    struct Reach
      def initialize(@text : String, @one : Bool)
      end

      EVERYTHING = new("", false)

      getter? one

      # Only a pattern that begins with ^ and literal characters reaches less than everything. Where it isn't sure, it
      # takes the wider reach.
      def self.of(pattern : String) : Reach
        return EVERYTHING if !pattern.starts_with?('^') || pattern.includes?('|')
        text = [] of Char
        rest = Char::Reader.new(pattern, 1)
        while rest.has_next?
          c = rest.current_char
          last = rest.pos + c.bytesize == pattern.bytesize
          case c
          when '.', '['
            return new(text.join, false)
          when '$'
            # It also matches before a newline at the end: Policy#match? doesn't take that name.
            return new(text.join, last)
          when '*', '+', '?', '{', '(', ')', '^'
            # A quantifier, or something behind which one may follow, belongs to the character before.
            text.pop?
            return new(text.join, false)
          when '\\'
            c = rest.next_char
            return EVERYTHING unless rest.has_next? # no regular expression
            last = rest.pos + c.bytesize == pattern.bytesize
            return new(text.join, true) if c == 'z' && last
            if c.ascii_alphanumeric?
              text.pop?
              return new(text.join, false)
            end
            text << c
          else
            text << c
          end
          rest.next_char
        end
        new(text.join, false)
      end

      # The first right that the user lacks.
      def missing(user : User, vhost : String, operations) : ::Tokenward::Operation?
        # Nobody has a scope with these characters. So a scope that grants this name grants all that begin with the text.
        name = @one ? @text : @text + unheard_of
        operations.each do |operation|
          return operation unless user.session.authorize?(operation, vhost, name)
        end
        nil
      end

      private def unheard_of : String
        String.build { |s| 8.times { s << (0xF0000 + Random::Secure.rand(0xFFFE)).chr } } # of Unicode's private planes
      end

      def to_s(io : IO) : Nil
        if @one
          io << "the name " << @text.dump
        elsif @text.empty?
          io << "any name (a pattern like ^NAME$ or ^BEGINNING matches less)"
        else
          io << "names that begin with " << @text.dump
        end
      end
    end
  end
end
