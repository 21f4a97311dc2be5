# How LavinMQ finds the policy of a queue or exchange.
class LavinMQ::Policy
  @[JSON::Field(ignore: true)]
  @tokenward_fault_told = false

  def match?(resource : Queue)
    tokenward_match?(resource.name) { previous_def }
  end

  def match?(resource : Exchange)
    tokenward_match?(resource.name) { previous_def }
  end

  # If the match fails at PCRE's limits, LavinMQ gives no queue of the vhost its policies, nor the operator's.
  private def tokenward_match?(resource : String, &) : Bool
    # A right on the one name isn't a right on that name with a newline behind it, which $ matches too.
    return false if resource.ends_with?('\n') && TokenwardAuth::PolicyRights::Reach.of(@pattern.source).one?
    yield
  rescue ex : Regex::Error
    unless @tokenward_fault_told
      @tokenward_fault_told = true
      TokenwardAuth::Log.error do
        "the pattern #{@pattern.source.dump} of the policy #{@name.dump} in #{@vhost.dump} can't be matched with " \
        "#{resource.dump}, so it doesn't hold there: #{ex.message}"
      end
    end
    false
  end
end
