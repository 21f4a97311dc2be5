private def resident_kib : Int64
  File.read("/proc/self/status").match(/^VmRSS:\s+(\d+) kB/m).not_nil![1].to_i64
end

private def live_sessions : Int64
  JSON.parse(World.shared.status)["live_sessions"].as_i64
end

# In a frame of its own, so that nothing of it is left on the stack afterwards.
@[NoInline]
private def make_and_drop(count : Int32, credentials : Array(Tokenward::Credentials)) : Nil
  count.times do |number|
    session = World.shared.authenticate(credentials[number % credentials.size])
    raise "not allowed" unless session.authorize?(:read, "/", "q")
    Fiber.yield if number % 1000 == 0
  end
end

@[NoInline]
private def forget_backends(count : Int32) : Nil
  count.times { World.backend.authenticate(World.bearer(World.token)).authorize?(:read, "/", "q").should be_true }
end

@[NoInline]
private def clear_stack(depth : Int32) : Int32
  filler = StaticArray(Int32, 256).new(depth)
  depth == 0 ? 0 : clear_stack(depth - 1) &+ filler[depth % 256]
end

describe "garbage collection" do
  it "gives 100000 dropped sessions back: memory stays bounded" do
    tokens = (0...20).map { |number| World.bearer(World.token("user-#{number}")) }
    make_and_drop(20_000, tokens)
    GC.collect
    before = resident_kib
    held = tokens.map { |token| World.shared.authenticate(token) }
    make_and_drop(100_000, tokens)
    clear_stack(50)
    3.times { GC.collect }
    grown = resident_kib - before
    left = live_sessions
    STDERR.puts "# 100000 sessions: resident memory grew by #{grown} KiB to #{resident_kib} KiB, #{left} are left"
    left.should be >= held.size
    left.should be < 5000
    grown.should be < 8 * 1024
    held.each_with_index { |session, number| session.username.should eq("user-#{number}") }
  end

  it "ends sessions after their backend" do
    backend = World.backend
    sessions = (0...1000).map { backend.authenticate(World.bearer(World.token)) }
    backend.close
    sessions.clear
    clear_stack(50)
    3.times { GC.collect }
    World.shared.authenticate(World.bearer(World.token)).username.should eq("alice")
  end

  it "ends forgotten backends: their threads and the descriptors of their logs go" do
    threads, descriptors = Dir.children("/proc/self/task").size, World.descriptors
    forget_backends(10)
    clear_stack(200)
    World.eventually("the threads to go") do
      GC.collect
      Dir.children("/proc/self/task").size <= threads + 3 # the collector may take something for a pointer
    end
    World.eventually("the descriptors to go") { World.descriptors <= descriptors + 15 } # each has three or more
  end
end

{% unless flag?(:preview_mt) %}
  # there Crystal has no fork
  lib LibFork
    fun fork : LibC::PidT
    fun _exit(status : LibC::Int) : NoReturn
  end

  # The counters of all event descriptors, without repetition.
  private def event_counts : Array(String)
    Dir.children("/proc/self/fdinfo").compact_map do |number|
      File.read("/proc/self/fdinfo/#{number}").match(/^eventfd-count: *([0-9a-f]+)/m).try(&.[1])
    rescue File::NotFoundError
      nil # the folder's own
    end.uniq
  end

  private def in_child(& : -> Bool) : Int32
    pid = LibFork.fork
    if pid == 0
      good = begin
        yield
      rescue
        false
      end
      LibFork._exit(good ? 0 : 1)
    end
    status = 0
    LibC.waitpid(pid, pointerof(status), 0)
    status
  end

  describe "a forked child" do
    it "has the sessions, and an error for all else" do
      session = World.session("read:*/* tag:a")
      in_child { session.authorize?(:read, "/", "q") && !session.authorize?(:write, "/", "q") }.should eq(0)
      in_child { session.tags == ["a"] && session.username == "alice" && session.can_access_vhost?("/") }.should eq(0)
      credentials = World.bearer(World.token)
      in_child { World.shared.try_authenticate(credentials).as(Tokenward::Error).reason_name == "FORKED" }.should eq(0)
      in_child { World.failure { session.refresh(credentials) }.reason_name == "FORKED" }.should eq(0)
      in_child { World.failure { session.explain(:read, "/", "q") }.reason_name == "FORKED" }.should eq(0)
      in_child { World.failure { World.shared.status }.reason_name == "FORKED" }.should eq(0)
      in_child { World.failure { World.shared.metrics }.reason_name == "FORKED" }.should eq(0)
      in_child { session.close; World.shared.close; !session.authorize?(:read, "/", "q") }.should eq(0)
      # The child shares the counter of the parent's log: it must not wake the parent's fiber, again and again.
      event_counts.should eq(["0"])
      session.authorize?(:read, "/", "q").should be_true
    end
  end
{% end %}
