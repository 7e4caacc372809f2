# ActiveRecord. A leak is a connection that was checked out and never checked in.
require 'active_record'
require_relative 'modes'

ActiveRecord::Base.establish_connection(
  adapter: 'postgresql', host: ENV['PGHOST'], port: ENV['PGPORT'], username: ENV['PGUSER'], password: ENV['PGPASSWORD'],
  database: ENV['PGDATABASE'], pool: CONNECTIONS, checkout_timeout: 60, idle_timeout: 0
)

class Driver
  def take = ActiveRecord::Base.connection_pool.checkout
  def give(connection) = ActiveRecord::Base.connection_pool.checkin(connection)
  def begin(connection) = connection.begin_db_transaction
  def commit(connection) = connection.commit_db_transaction

  def query(connection, n)
    connection.exec_query("select id, note from #{TABLE} where customer = $1", 'SQL', [n], prepare: true)
  end
end

# Its pool gives a connection to a thread, and takes it back from one that ended.
PARKED = Queue.new
play(Driver.new)
