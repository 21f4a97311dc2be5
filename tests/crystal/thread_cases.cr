# With -Dpreview_mt the fibers run on several threads; without it they take turns.
private def together(count : Int32, &block : Int32 ->) : Nil
  ends = Channel(Exception?).new(count)
  count.times do |number|
    spawn do
      block.call(number)
      ends.send(nil)
    rescue ex
      ends.send(ex)
    end
  end
  count.times { ends.receive.try { |ex| raise ex } }
end

describe "many fibers" do
  it "share a backend and a session" do
    session = World.session("read:*/*")
    tokens = (0...8).map { |number| World.bearer(World.token("user-#{number}")) }
    together(8) do |number|
      500.times do |round|
        own = World.shared.authenticate(tokens[number])
        own.username.should eq("user-#{number}")
        own.authorize?(:read, "/", "q").should be_true
        session.authorize?(:read, "/", "q").should be_true
        own.close if round.even?
        Fiber.yield if round % 50 == 0
      end
    end
  end

  it "see the rights before a refresh or after it, whole" do
    session = World.session("read:*/* tag:a")
    reader, writer = World.bearer(World.token("alice", "read:*/* tag:a")), World.bearer(World.token("alice", "write:*/* tag:b"))
    together(4) do |number|
      500.times do |round|
        if number == 0
          session.refresh(round.even? ? writer : reader)
        else
          {["a"], ["b"]}.should contain(session.tags)
          session.authorize(:configure, "/", "q").should eq(Tokenward::Verdict::Denied)
        end
        Fiber.yield if round % 50 == 0
      end
    end
  end

  it "close a session beside each other and beside its use" do
    credentials = World.bearer(World.token)
    100.times do
      session = World.shared.authenticate(credentials)
      together(6) do |number|
        session.close if number >= 4
        verdict = Tokenward::Verdict::Allowed
        while verdict.allowed?
          verdict = session.authorize(:read, "/", "q")
          Fiber.yield
        end
        verdict.should eq(Tokenward::Verdict::Error)
      end
    end
  end

  it "close a backend beside logins" do
    20.times do
      backend = World.backend
      credentials = World.bearer(World.token)
      together(6) do |number|
        backend.close if number == 5
        outcome = backend.try_authenticate(credentials)
        while outcome.is_a?(Tokenward::Session)
          outcome.authorize?(:read, "/", "q").should be_true
          Fiber.yield
          outcome = backend.try_authenticate(credentials)
        end
        outcome.as(Tokenward::Error).reason_name.should eq("BACKEND_CLOSED")
      end
    end
  end

  it "close a backend beside refreshes" do
    20.times do
      backend = World.backend
      credentials = World.bearer(World.token)
      together(6) do |number|
        session = backend.try_authenticate(credentials)
        failure = session.is_a?(Tokenward::Session) ? nil : session
        backend.close if number == 5
        until failure
          failure = session.as(Tokenward::Session).try_refresh(credentials)
          Fiber.yield
        end
        failure.as(Tokenward::Error).reason_name.should eq("BACKEND_CLOSED")
      end
    end
  end

  it "drop sessions and collect garbage on all threads" do
    credentials = World.bearer(World.token)
    together(8) do |number|
      300.times do |round|
        World.shared.authenticate(credentials).authorize?(:read, "/", "q").should be_true
        GC.collect if round % 100 == number
        Fiber.yield if round % 20 == 0
      end
    end
  end
end
