module Tokenward
  # :nodoc:
  # What calls of `Backend` and `Session` have in common. A closed handle and a failed call become failures here.
  module Calls
    include Handle

    @library : Library

    # What a call on a closed handle fails with.
    private abstract def closed_failure : Error

    # Yields the handle and a place for the error. Raises the failure.
    private def call!(& : Void*, LibTokenward::Error* -> Int32) : Nil
      failure = attempt { |handle, error| yield handle, error }
      raise failure if failure
    end

    # The same, but returns the failure.
    private def attempt(& : Void*, LibTokenward::Error* -> Int32) : Failure?
      error = LibraryFailure.clear
      result = use { |handle| yield handle, pointerof(error) }
      return closed_failure unless result
      LibraryFailure.make(@library, result, error) unless result == LibTokenward::OK
    end

    # A text that the library writes; see `Library#collect`. Raises the failure.
    private def collect!(size : Int32, & : Void*, UInt8*, LibC::SizeT, LibC::SizeT*, LibTokenward::Error* -> Int32) : String
      text = @library.collect(size) do |buffer, room, length, error|
        use { |handle| yield handle, buffer, room, length, error }
      end
      text || raise closed_failure
    end
  end
end
