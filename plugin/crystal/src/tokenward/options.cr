module Tokenward
  # :nodoc:
  # The options of create, reload and config_check. `lend` borrows from this object, so keep it until the call is over.
  struct Options
    @paths : Array(String)
    @files : Array(LibTokenward::Text)
    @startup_wait_ms : UInt32

    def initialize(config_files : String | Array(String), @config_json : String?, startup_wait : Time::Span)
      @paths = config_files.is_a?(String) ? [config_files] : config_files
      @files = @paths.map { |path| Text.lend(path) }
      @startup_wait_ms = startup_wait.total_milliseconds.clamp(0, UInt32::MAX).to_u32
    end

    # *queue*: log lines wait in the library's queue; else they go to standard error. Only create looks at it.
    def lend(queue = false) : LibTokenward::Options
      lent = LibTokenward::Options.new
      lent.struct_size = LibC::SizeT.new(sizeof(LibTokenward::Options))
      lent.config_files = @files.to_unsafe
      lent.config_file_count = LibC::SizeT.new(@files.size)
      lent.config_json = Text.lend(@config_json)
      lent.startup_wait_ms = @startup_wait_ms
      lent.log_mode = queue ? LibTokenward::LOG_TO_QUEUE : LibTokenward::LOG_TO_STDERR
      # max_wait_ms stays 0: it would hold every fiber of the thread. Retry waits in the fiber instead.
      lent
    end
  end
end
