require "log"
require "c/fcntl"
require "c/stdlib"
require "c/unistd"

module Tokenward
  # :nodoc:
  # Brings the library's log lines to a Log of the program. The library calls back on threads of its own, which Crystal's
  # garbage collector and scheduler don't know. So the callback uses nothing of Crystal's runtime: it allocates nothing,
  # raises nothing, reads no constant that must be initialised, and touches no fiber and no thread. It writes the line
  # into a pipe, and a fiber reads the pipe.
  class LogPipe
    # The memory that the callback uses. It lies outside of the collector's heap.
    struct Shared
      property fd : Int32
      # Lines for which there was no room, modulo 2^32. Only the callback writes it, one call at a time.
      property lost = 0_u32

      def initialize(@fd)
      end
    end

    # The pipe holds some thousand lines while nobody reads.
    private PIPE_BYTES   = 1 << 20
    private F_SETPIPE_SZ = 1031

    # The memory that tokenward_options.log_user points to.
    getter shared : Shared*

    # Reads from now on, until the writing end is closed by `LogPipe.hang_up`.
    def initialize(log : ::Log)
      ends = uninitialized StaticArray(LibC::Int, 2)
      raise IO::Error.from_errno("pipe") if LibC.pipe(ends) != 0
      ends.each { |fd| LibC.fcntl(fd, LibC::F_SETFD, LibC::FD_CLOEXEC) }
      # Writing must never wait: the reading fiber may be on the same thread.
      LibC.fcntl(ends[1], LibC::F_SETFL, LibC::O_NONBLOCK)
      LibC.fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES)
      LibC.fcntl(ends[0], LibC::F_SETFL, LibC::O_NONBLOCK)
      memory = LibC.malloc(sizeof(Shared))
      raise IO::Error.from_errno("malloc") if memory.null?
      @shared = memory.as(Shared*)
      @shared.value = Shared.new(ends[1])
      reader = IO::FileDescriptor.new(ends[0])
      shared = @shared
      spawn(name: "tokenward log") { LogPipe.read_all(reader, shared, log) }
    end

    # The function for tokenward_options.log.
    def self.callback : Void*
      # A line is a level's digit, the text and a newline: short enough that a pipe takes it whole or not at all.
      write_line = ->(user : Void*, level : Int32, message : UInt8*, size : LibC::SizeT) do
        shared = user.as(Shared*)
        line = uninitialized UInt8[1100]
        bytes = pointerof(line).as(UInt8*)
        length = size < 1098_u64 ? size : 1098_u64
        bytes[0] = 48_u8 &+ level.to_u8!
        index = 0_u64
        while index < length
          bytes[index &+ 1_u64] = message[index]
          index = index &+ 1_u64
        end
        bytes[length &+ 1_u64] = 10_u8
        if LibC.write(shared.value.fd, bytes, length &+ 2_u64) < 0
          shared.value.lost = shared.value.lost &+ 1_u32
        end
        nil
      end
      write_line.pointer
    end

    # Closes the writing end: the fiber ends when it has read the rest. Only after the library's last call of `callback`.
    def self.hang_up(shared : Shared*) : Nil
      LibC.close(shared.value.fd)
    end

    # Runs in the fiber. It frees the reading end and the shared memory at the end of the pipe: then the library doesn't
    # call any more.
    def self.read_all(reader : IO::FileDescriptor, shared : Shared*, log : ::Log) : Nil
      known = 0_u32
      while line = reader.gets
        emit(log, line)
        known = report_lost(log, shared.value.lost, known)
      end
      report_lost(log, shared.value.lost, known)
      reader.close
      LibC.free(shared.as(Void*))
    end

    private def self.emit(log : ::Log, line : String) : Nil
      text = line.byte_slice(1)
      case line.byte_at(0)
      when 48 then log.error { text }
      when 49 then log.warn { text }
      when 50 then log.info { text }
      else         log.debug { text }
      end
    rescue
      # A log that can't be written must not end the fiber: the pipe would become full.
    end

    # Returns the count that is reported now.
    private def self.report_lost(log : ::Log, lost : UInt32, known : UInt32) : UInt32
      if lost != known
        log.warn { "#{lost &- known} log lines of libtokenward were lost: they came faster than they were written" }
      end
      lost
    rescue
      known
    end
  end
end
