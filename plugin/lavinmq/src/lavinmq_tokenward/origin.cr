module LavinMQ::TokenwardAuth
  # Who is at the other end of the connection that the running fiber serves: LavinMQ's Auth::Context doesn't say.
  class Origin
    getter protocol : String
    getter peer : String
    property client_id : String
    # Whether the password stands alone, as in the cookie of LavinMQ's own pages: there is no username to compare.
    getter? bare : Bool
    # Whether it was let in; set for MQTT.
    property? admitted = false

    def initialize(@protocol, peer, @client_id = "", @bare = false)
      @peer = peer.to_s
    end

    UNKNOWN = new("", nil)

    def self.current : Origin
      Fiber.current.tokenward_origin || UNKNOWN
    end

    # The block's attempts to log in come from *origin*.
    def self.with(origin : Origin, &)
      fiber = Fiber.current
      before = fiber.tokenward_origin
      fiber.tokenward_origin = origin
      begin
        yield
      ensure
        fiber.tokenward_origin = before
      end
    end

    # For the library's log lines.
    def context : ::Tokenward::Context
      ::Tokenward::Context.new(protocol: @protocol, peer: @peer, client_id: @client_id)
    end

    # For ours, in the same form.
    def to_s(io : ::IO) : Nil
      {protocol: @protocol, peer: @peer, client_id: @client_id}.each do |name, value|
        io << ' ' << name << '=' << Report.quoted(value) unless value.empty?
      end
    end
  end
end

class Fiber
  # :nodoc:
  property tokenward_origin : LavinMQ::TokenwardAuth::Origin?
end
