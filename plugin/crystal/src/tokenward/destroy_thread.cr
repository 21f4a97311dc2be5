require "c/pthread"
require "c/signal"
require "c/stdlib"

module Tokenward
  # :nodoc:
  # Destroys a backend that the garbage collector found. Destroying joins the library's threads, and a finalizer must not
  # wait: it runs inside any allocation, and other fibers may wait for that one. So a thread of its own destroys the
  # backend. Crystal's runtime doesn't know that thread: it calls functions of C and ends.
  module DestroyThread
    struct Job
      getter destroy : Void*
      getter handle : Void*
      getter bell : Int32

      def initialize(@destroy, @handle, @bell)
      end
    end

    # *bell*: rung afterwards, unless -1. Without memory or threads nothing happens: the backend lives on.
    def self.start(destroy : Void*, handle : Void*, bell : Int32) : Nil
      memory = LibC.malloc(sizeof(Job))
      return if memory.null?
      memory.as(Job*).value = Job.new(destroy, handle, bell)
      work = ->(argument : Void*) do
        job = argument.as(Job*).value
        Proc(Void*, Void).new(job.destroy, Pointer(Void).null).call(job.handle)
        LogQueue.ring(job.bell) if job.bell >= 0
        LibC.free(argument)
        Pointer(Void).null
      end
      # The thread must not handle a signal: the handlers are Crystal's.
      all = uninitialized LibC::SigsetT
      before = uninitialized LibC::SigsetT
      LibC.sigfillset(pointerof(all))
      LibC.pthread_sigmask(LibC::SIG_SETMASK, pointerof(all), pointerof(before))
      # Not by the collector's pthread_create, which would register the thread.
      thread = uninitialized LibC::PthreadT
      if LibC.pthread_create(pointerof(thread), Pointer(LibC::PthreadAttrT).null, work, memory) == 0
        LibC.pthread_detach(thread)
      else
        LibC.free(memory)
      end
      LibC.pthread_sigmask(LibC::SIG_SETMASK, pointerof(before), Pointer(LibC::SigsetT).null)
    end
  end
end
