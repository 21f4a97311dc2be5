module Tokenward
  # :nodoc:
  # Waits while a key is being fetched. Only the calling fiber waits.
  module Retry
    # Returns the block's outcome. Calls the block again after each TryAgain until *wait* has passed, and once at its end.
    # The block hears whether it is called again after a TryAgain.
    def self.call(wait : Time::Span, &)
      deadline = now + wait
      loop do
        asks_again = now < deadline
        outcome = yield asks_again
        return outcome unless asks_again && outcome.is_a?(TryAgain)
        sleep Math.min(outcome.retry_after, Math.max(deadline - now, Time::Span.zero))
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
