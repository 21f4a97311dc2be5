module Tokenward
  # A call that failed. Each of the four subclasses stands for one result of the library. All of them mean no.
  # Tell the client no more than "refused"; `message` and `hint` are for the log: printable ASCII, one line, never a
  # token or a password.
  abstract class Failure < Exception
    # The reason's stable code, as in abi/reasons.def; new ones may come with any 1.x of the library.
    getter reason : Int32
    # Its stable name, as "TOKEN_EXPIRED".
    getter reason_name : String
    # What would be right; may be empty.
    getter hint : String

    def initialize(message : String, @reason : Int32, @reason_name : String, @hint : String = "")
      super(message)
    end
  end

  # The client sent a token, and it isn't accepted. Final: a chain of backends must not ask its next one.
  class Refused < Failure
  end

  # The password isn't a token: a chain may ask its next backend.
  class NotAToken < Failure
  end

  # A key is being fetched: ask again after `retry_after`. Final for a chain.
  class TryAgain < Failure
    # 20 ms to 1 s, jittered.
    getter retry_after : Time::Span

    def initialize(message : String, reason : Int32, reason_name : String, hint : String, @retry_after : Time::Span)
      super(message, reason, reason_name, hint)
    end
  end

  # Misuse, a configuration that isn't right, no memory, a closed backend; or a result that these bindings don't know.
  class Error < Failure
  end

  # The library isn't there, is of another major version, or lacks a function.
  class LibraryError < Error
    def initialize(message : String)
      super(message, 0, "LIBRARY_UNUSABLE",
        "install libtokenward.so.1, or let TOKENWARD_LIBRARY name the file")
    end
  end
end
