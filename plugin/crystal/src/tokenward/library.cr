require "c/dlfcn"

module Tokenward
  # The loaded library: a table of its functions. It stays loaded until the process ends, since a finalizer may still
  # need it at any time.
  class Library
    # What the dynamic loader looks for unless the environment variable TOKENWARD_LIBRARY names a file.
    SONAME = "libtokenward.so.1"

    # Every function of tokenward.h without its prefix, with its type.
    private FUNCTIONS = {
      create:       Proc(LibTokenward::Options*, Void**, LibTokenward::Error*, Int32),
      destroy:      Proc(Void*, Void),
      reload:       Proc(Void*, LibTokenward::Options*, LibTokenward::Error*, Int32),
      authenticate: Proc(Void*, LibTokenward::Credentials*, LibTokenward::Context*, Void**, LibTokenward::Error*, Int32),
      authorize:    Proc(Void*, LibTokenward::Request*, Int32),

      report_denial: Proc(Void*, LibTokenward::Request*, LibTokenward::Context*, Int32),

      session_can_access_vhost: Proc(Void*, UInt8*, LibC::SizeT, Int32),
      session_refresh:          Proc(Void*, LibTokenward::Credentials*, LibTokenward::Context*, LibTokenward::Error*, Int32),
      session_release:          Proc(Void*, Void),
      session_username:         Proc(Void*, UInt8**, LibC::SizeT*, Int32),
      session_issuer:           Proc(Void*, UInt8**, LibC::SizeT*, Int32),
      session_expires_at:       Proc(Void*, Int64*, Int32),
      session_issued_at:        Proc(Void*, Int64*, Int32),
      session_tags:             Proc(Void*, UInt8*, LibC::SizeT, LibC::SizeT*, Int32),

      identity_denied: Proc(Void*, UInt8*, LibC::SizeT, UInt8*, LibC::SizeT, Int64, Int32),

      explain:      Proc(Void*, LibTokenward::Request*, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error*, Int32),
      inspect:      Proc(Void*, UInt8*, LibC::SizeT, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error*, Int32),
      status:       Proc(Void*, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error*, Int32),
      metrics:      Proc(Void*, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error*, Int32),
      config_check: Proc(LibTokenward::Options*, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error*, Int32),

      log_fd:   Proc(Void*, Int32*, Int32),
      log_read: Proc(Void*, Int32*, UInt8*, LibC::SizeT, LibC::SizeT*, Int32),

      abi_version: Proc(UInt32),
      version:     Proc(UInt8*),
      reason_name: Proc(Int32, UInt8*),
    }

    # :nodoc:
    # Functions by name: functions.create is tokenward_create. A class, since a struct of this size would be copied at
    # each call.
    class Functions
      {% for name, type in FUNCTIONS %}
        getter {{name.id}} : {{type}}
      {% end %}

      # A macro makes the whole method: else the compiler doesn't see that each variable is set.
      {% begin %}
        def initialize(handle : Void*, path : String)
          {% for name, type in FUNCTIONS %}
            @{{name.id}} = {{type}}.new(Library.symbol(handle, path, {{"tokenward_" + name.stringify}}), Pointer(Void).null)
          {% end %}
        end
      {% end %}
    end

    # :nodoc:
    getter functions : Functions

    @@default : Library?

    # The library that TOKENWARD_LIBRARY names, or else libtokenward.so.1; loaded once.
    # Raises `LibraryError` if it can't be used.
    def self.default : Library
      @@default ||= new(ENV["TOKENWARD_LIBRARY"]?.presence || SONAME)
    end

    # Loads the file *path*; a bare name is looked for where the dynamic loader looks.
    # Raises `LibraryError` if it can't be used.
    def initialize(path : String)
      handle = LibC.dlopen(path, LibC::RTLD_NOW | LibC::RTLD_LOCAL)
      raise LibraryError.new("can't load #{path}: #{Library.loader_error}") if handle.null?
      # The version comes first: a library of another major version may lack every other function.
      abi_version = Proc(UInt32).new(Library.symbol(handle, path, "tokenward_abi_version"), Pointer(Void).null)
      Library.check_version(abi_version.call, path)
      @functions = Functions.new(handle, path)
    end

    # The library's own version, as "1.0.0".
    def version : String
      String.new(@functions.version.call)
    end

    # The stable name of a reason; "UNKNOWN" for a code that this library doesn't have.
    def reason_name(reason : Int32) : String
      String.new(@functions.reason_name.call(reason))
    end

    # :nodoc:
    # A text that the library writes. Yields a buffer, its size, a place for the text's length and one for the error;
    # returns nil if the block does. Raises the failure.
    def collect(size : Int32, & : UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error* -> Int32?) : String?
      error = LibraryFailure.clear
      result, text = Text.collect(size) { |buffer, room, length| yield buffer, room, length, pointerof(error) }
      raise LibraryFailure.make(self, result, error) unless result.nil? || result == LibTokenward::OK
      text if result
    end

    # :nodoc:
    def self.symbol(handle : Void*, path : String, name : String) : Void*
      address = LibC.dlsym(handle, name)
      raise LibraryError.new("#{path} lacks the function #{name}") if address.null?
      address
    end

    # :nodoc:
    def self.check_version(theirs : UInt32, path : String) : Nil
      ours = LibTokenward::ABI_VERSION
      return if theirs >> 16 == ours >> 16 && theirs & 0xffff >= ours & 0xffff
      raise LibraryError.new("#{path} has interface version #{theirs >> 16}.#{theirs & 0xffff}, " \
                             "this program needs #{ours >> 16}.#{ours & 0xffff}")
    end

    # :nodoc:
    def self.loader_error : String
      text = LibC.dlerror
      text.null? ? "unknown error of the dynamic loader" : String.new(text)
    end
  end
end

module Tokenward
  # :nodoc:
  # From the library's results and errors to exceptions.
  module LibraryFailure
    # An error for the library to fill in.
    def self.clear : LibTokenward::Error
      error = LibTokenward::Error.new
      error.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Error))
      error
    end

    # The exception for a result that isn't OK. An unknown result is an `Error`.
    def self.make(library : Library, result : Int32, error : LibTokenward::Error) : Failure
      message = String.new(error.message.to_unsafe)
      hint = String.new(error.hint.to_unsafe)
      reason = error.reason
      if message.empty? # a function without an error, or a library that breaks its promise
        message = "the library answered #{result}"
        result, reason = LibTokenward::ERROR, LibTokenward::REASON_INVALID_ARGUMENT
      end
      name = library.reason_name(reason)
      case result
      when LibTokenward::REFUSED     then Refused.new(message, reason, name, hint)
      when LibTokenward::NOT_A_TOKEN then NotAToken.new(message, reason, name, hint)
      when LibTokenward::TRY_AGAIN
        TryAgain.new(message, reason, name, hint, error.retry_after_ms.clamp(1, 60_000).milliseconds)
      when LibTokenward::ERROR then Error.new(message, reason, name, hint)
      else                          Error.new("unknown result #{result}: #{message}", reason, name, hint)
      end
    end
  end
end
