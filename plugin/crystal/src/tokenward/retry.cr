module Tokenward
  # :nodoc:
  # Waits while a key is being fetched. Only the calling fiber waits.
  module Retry
    # Returns the block's outcome. Calls the block again after each TryAgain until *wait* has passed, and once at its end.
    def self.call(wait : Time::Span, &)
      deadline = now + wait
      loop do
        outcome = yield
        return outcome unless outcome.is_a?(TryAgain)
        left = deadline - now
        return outcome unless left > Time::Span.zero
        sleep Math.min(outcome.retry_after, left)
      end
    end

    # A monotonic clock; only differences count.
    def self.now : Time::Span
      {% begin %}
        LibC.clock_gettime(LibC::CLOCK_MONOTONIC, out time)
        Time::Span.new(seconds: time.tv_sec.to_i64, nanoseconds: time.tv_nsec.to_i64)
      {% end %}
    end
  end
end
