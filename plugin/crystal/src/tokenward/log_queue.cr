require "log"
require "c/fcntl"
require "c/unistd"

module Tokenward
  # :nodoc:
  # Brings the library's log lines to a Log of the program. The library can't call back: its threads are none that
  # Crystal's garbage collector and scheduler know. So lines wait in the library's queue, and a fiber takes them.
  #
  # This object is all that the fiber holds: so the backend can be collected while the fiber waits. It has the backend's
  # handle for reading, and since nobody may read beside or after tokenward_destroy, it also destroys it.
  class LogQueue
    include Handle

    private F_DUPFD_CLOEXEC = 1030

    # *handle*: of a backend with a queue. Raises `Error`; then the backend is destroyed.
    def self.take_over(library : Library, handle : Void*, log : ::Log) : LogQueue
      new(library, handle, log)
    rescue failure
      library.functions.destroy.call(handle)
      raise failure
    end

    protected def initialize(@library : Library, handle : Void*, @log : ::Log)
      fd = -1
      result = @library.functions.log_fd.call(handle, pointerof(fd))
      raise LibraryFailure.make(@library, result, LibraryFailure.clear) unless result == LibTokenward::OK
      @address = Atomic(UInt64).new(handle.address)
      @process = Process.pid
      # The library closes its own descriptor in tokenward_destroy, where the event loop may still wait for it.
      waiting = LibC.fcntl(fd, F_DUPFD_CLOEXEC, 0)
      # The event loop's one is the fiber's to close; this one wakes the fiber at the end.
      @bell = LibC.fcntl(fd, F_DUPFD_CLOEXEC, 0)
      if waiting < 0 || @bell < 0
        reason = Errno.value.message
        {waiting, @bell}.each { |copy| LibC.close(copy) if copy >= 0 }
        raise Error.new("no descriptor for the log: #{reason}", LibTokenward::REASON_RESOURCE_LIMIT, "RESOURCE_LIMIT",
          "raise the limit (ulimit -n)")
      end
      readable = IO::FileDescriptor.new(waiting)
      spawn(name: "tokenward log") { hand_on_lines(readable) }
    end

    # For a finalizer, which must not wait: what `close` does, on a thread made for it. Lines that wait go to standard
    # error.
    def abandon : Nil
      return unless @calls.or(CLOSED) == 0 # else the fiber is reading, and does it
      address = @address.swap(0_u64)
      return if address == 0
      DestroyThread.start(@library.functions.destroy.pointer, Pointer(Void).new(address), bell_of_this_process)
    end

    # Destroys the backend. What comes from then on goes to standard error, so the log gets the rest before.
    protected def give_back(handle : Void*) : Nil
      buffer = Bytes.new(LibTokenward::LOG_LINE_SIZE)
      while (line = read(handle, buffer)) && line[:level] != 0
        write(**line)
      end
      @library.functions.destroy.call(handle)
      bell = bell_of_this_process
      LogQueue.ring(bell) if bell >= 0
    end

    # Wakes the fiber, which finds everything closed. Only after tokenward_destroy: before, the event counter is the
    # library's. Runs on threads that Crystal doesn't know, too.
    def self.ring(bell : Int32) : Nil
      one = 1_u64
      LibC.write(bell, pointerof(one), LibC::SizeT.new(8))
      LibC.close(bell)
    end

    # -1 in a forked child: it shares the event counter with its parent, whose fiber must not be woken.
    private def bell_of_this_process : Int32
      Process.pid == @process ? @bell : -1
    end

    # Runs in the fiber, to the end of the backend.
    private def hand_on_lines(readable : IO::FileDescriptor) : Nil
      buffer = Bytes.new(LibTokenward::LOG_LINE_SIZE)
      loop do
        wait(readable)
        loop do
          line = use { |handle| read(handle, buffer) }
          return unless line
          break if line[:level] == 0
          write(**line)
        end
      end
    ensure
      readable.close
    end

    # The fiber waits, and nobody reads: the bytes are the library's.
    private def wait(readable : IO::FileDescriptor) : Nil
      {% if compare_versions(Crystal::VERSION, "1.16.0") >= 0 %}
        Crystal::EventLoop.current.wait_readable(readable)
      {% else %}
        readable.wait_readable
      {% end %}
    end

    # The next line; level 0 if none waits, nil if none will come (in a forked child).
    private def read(handle : Void*, buffer : Bytes) : {level: Int32, text: String}?
      level = 0
      length = LibC::SizeT.new(0)
      result = @library.functions.log_read.call(handle, pointerof(level), buffer.to_unsafe,
        LibC::SizeT.new(buffer.size), pointerof(length))
      {level: level, text: String.new(buffer[0, Math.min(length, buffer.size - 1)])} if result == LibTokenward::OK
    end

    private def write(level : Int32, text : String) : Nil
      case level
      when LibTokenward::LOG_ERROR   then @log.error { text }
      when LibTokenward::LOG_WARNING then @log.warn { text }
      when LibTokenward::LOG_INFO    then @log.info { text }
      else                                @log.debug { text }
      end
    rescue
      # A log that can't be written must not end the fiber: the queue would become full.
    end
  end
end
