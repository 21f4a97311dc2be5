module Tokenward
  # :nodoc:
  # One reference to an object of the library. The library allows no call beside or after the one that gives the
  # reference back. So a call that began before `close` is let finish, and a later one gets nil.
  module Handle
    private CLOSED = 0x4000_0000

    @address : Atomic(UInt64)
    # Calls that are under way; with CLOSED in it, no new one begins.
    @calls = Atomic(Int32).new(0)

    # Gives the handle back, once.
    protected abstract def give_back(handle : Void*) : Nil

    # Whether `close` was called.
    def closed? : Bool
      @calls.get & CLOSED != 0
    end

    # Gives the object back to the library. If other threads are in a call, the last of them does. A second call does
    # nothing.
    def close : Nil
      give_back_once if @calls.or(CLOSED) == 0
    end

    # Yields the handle, or returns nil if it is closed. The count is used after the call too: that keeps the garbage
    # collector from finalizing the object during its last call.
    private def use(& : Void* -> T) : T? forall T
      begin
        yield Pointer(Void).new(@address.get) if @calls.add(1) & CLOSED == 0
      ensure
        give_back_once if @calls.sub(1) == CLOSED + 1
      end
    end

    private def give_back_once : Nil
      address = @address.swap(0_u64)
      give_back(Pointer(Void).new(address)) if address != 0
    end
  end
end
