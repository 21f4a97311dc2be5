module Tokenward
  # :nodoc:
  # Text on its way into the library and out of it.
  module Text
    # Borrows: the caller keeps *text* reachable until the call is over.
    def self.lend(text : String | Bytes) : LibTokenward::Text
      slice = text.to_slice
      lent = LibTokenward::Text.new
      lent.data = slice.to_unsafe
      lent.size = LibC::SizeT.new(slice.size)
      lent
    end

    def self.lend(nothing : Nil) : LibTokenward::Text
      LibTokenward::Text.new
    end

    # Copies what the library lends. Yields places for its address and its size.
    def self.take(& : UInt8**, LibC::SizeT* -> Int32) : String
      data = Pointer(UInt8).null
      size = LibC::SizeT.new(0)
      yield pointerof(data), pointerof(size)
      data.null? ? "" : String.new(data, size)
    end

    # Calls the block with a buffer, its size and a place for the text's length. While the text doesn't fit, calls again
    # with a larger buffer. The block returns the library's result; any but OK ends the calls. Returns result and text.
    def self.collect(size : Int32, & : UInt8*, LibC::SizeT, LibC::SizeT* -> Int32?) : {Int32?, String}
      length = LibC::SizeT.new(0)
      loop do
        buffer = Bytes.new(size)
        result = yield buffer.to_unsafe, LibC::SizeT.new(size), pointerof(length)
        return {result, ""} if result != LibTokenward::OK
        return {result, String.new(buffer.to_unsafe, length)} if length < size
        size = (length + length // 4 + 1).to_i32 # the text may grow between two calls
      end
    end
  end
end
