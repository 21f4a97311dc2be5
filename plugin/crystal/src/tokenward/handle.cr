module Tokenward
  # :nodoc:
  # One reference to an object of the library. The library forbids any call beside or after the one that gives the
  # reference back; here a call that came before `close` ends first, on whatever thread, and a later one gets nil.
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

    # Gives the object back to the library; at once, or when the calls under way on other threads have ended.
    # A second time does nothing.
    def close : Nil
      give_back_once if @calls.or(CLOSED) == 0
    end

    # Yields the handle, or returns nil if it is closed. The count, which is touched after the call too, also keeps the
    # garbage collector from finalizing an object in the middle of its last call.
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
