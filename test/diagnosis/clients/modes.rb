# What a client of Ruby does, whichever its driver. The environment says what: MODE, CONNECTIONS, CALLERS, PAUSE_MS, TABLE.
# It prints "ready" when it has done it, and ends with its stdin.
MODE = ENV.fetch('MODE')
CONNECTIONS = ENV.fetch('CONNECTIONS').to_i
CALLERS = ENV.fetch('CALLERS').to_i
PAUSE = ENV.fetch('PAUSE_MS').to_i / 1000.0
TABLE = ENV.fetch('TABLE')
HOLD = 0.03
# Without a reference the next collection of garbage closes a connection.
LEAKED = []

def at_once(count, &doing)
  Array.new(count) { |n| Thread.new { doing.call(n) } }.each(&:join)
end

def leak(driver)
  at_once(CALLERS) do |caller|
    (caller...CONNECTIONS).step(CALLERS) do |n|
      connection = driver.take
      LEAKED << connection
      driver.begin(connection) if MODE != 'leak'
      driver.query(connection, n)
      driver.commit(connection) if MODE == 'leak-after-commit'
      sleep PAUSE
    end
  end
end

def rest(driver)
  3.times do
    at_once(CONNECTIONS) do |n|
      connection = driver.take
      driver.query(connection, n)
      sleep HOLD
      driver.give(connection)
    end
  end
end

def play(driver)
  MODE.start_with?('leak') ? leak(driver) : rest(driver)
  $stdout.puts 'ready'
  $stdout.flush
  $stdin.read
  exit!
end
