private def while_hanging(& : ->) : Nil
  World.flip("/fault", {"endpoint" => "jwks", "fault" => "hang", "number" => "600"})
  yield
ensure
  World.flip("/heal")
end

describe "while the keys are being fetched" do
  it "authenticate says when to ask again" do
    while_hanging do
      backend = Tokenward::Backend.new(config_json: World.config)
      failure = World.failure { backend.authenticate(World.bearer(World.token)) }
      failure.should be_a(Tokenward::TryAgain)
      failure.reason_name.should eq("KEYS_PENDING")
      (20.milliseconds..1.second).should contain(failure.as(Tokenward::TryAgain).retry_after)
      backend.close # in the middle of the fetch
    end
  end

  it "waits in its fiber, while others go on, and goes in when the provider is back" do
    while_hanging do
      backend = Tokenward::Backend.new(config_json: World.config)
      answers = Channel(Tokenward::Session | Tokenward::Failure).new(20)
      20.times do
        credentials = World.bearer(World.token)
        spawn { answers.send(backend.try_authenticate(credentials, wait: 1.minute)) }
      end
      turns = 0
      50.times do # others: this fiber
        sleep 2.milliseconds
        turns += 1
      end
      turns.should eq(50)
      World.flip("/heal")
      20.times { answers.receive.as(Tokenward::Session).username.should eq("alice") }
      backend.close
    end
  end

  it "waits no longer than it was told to" do
    while_hanging do
      backend = Tokenward::Backend.new(config_json: World.config)
      before = Tokenward::Retry.now
      World.failure { backend.authenticate(World.bearer(World.token), wait: 300.milliseconds) }
        .should be_a(Tokenward::TryAgain)
      (Tokenward::Retry.now - before).should be >= 300.milliseconds
      backend.close
    end
  end

  it "a program that has nothing else to do yet may wait at the start" do
    backend = Tokenward::Backend.new(config_json: World.config, startup_wait: 1.minute)
    backend.authenticate(World.bearer(World.token)).username.should eq("alice")
    backend.close
  end

  it "stops waiting when the backend is closed" do
    while_hanging do
      backend = Tokenward::Backend.new(config_json: World.config)
      answer = Channel(Tokenward::Session | Tokenward::Failure).new(1)
      credentials = World.bearer(World.token)
      spawn { answer.send(backend.try_authenticate(credentials, wait: 10.minutes)) }
      sleep 50.milliseconds
      backend.close
      answer.receive.as(Tokenward::Error).reason_name.should eq("BACKEND_CLOSED")
    end
  end

  it "refresh waits likewise for a key that isn't known yet" do
    backend = World.backend({"jwks_min_refresh" => 1})
    session = backend.authenticate(World.bearer(World.token))
    World.rotate
    # The first fetch for the new kid begins once a second has passed since the last one; it hangs.
    while_hanging do
      credentials = World.bearer(World.token("alice", "write:*/*"))
      World.eventually("the fetch") { session.try_refresh(credentials).is_a?(Tokenward::TryAgain) }
      session.authorize?(:read, "/", "q").should be_true
      answer = Channel(Tokenward::Failure?).new(1)
      spawn { answer.send(session.try_refresh(credentials, wait: 1.minute)) }
      sleep 30.milliseconds
      World.flip("/heal")
      answer.receive.should be_nil
      session.authorize?(:write, "/", "q").should be_true
    end
    backend.close
  end

  it "a provider that isn't there: refused for want of keys only when it is certain, else try again" do
    World.flip("/network", {"state" => "down"})
    backend = Tokenward::Backend.new(config_json: World.config)
    failure = backend.try_authenticate(World.bearer(World.token))
    {Tokenward::TryAgain, Tokenward::Refused}.should contain(failure.class)
    World.flip("/heal")
    backend.authenticate(World.bearer(World.token), wait: 1.minute).username.should eq("alice")
    backend.close
  ensure
    World.flip("/heal")
  end
end
