# ruby-pg without a pool.
require 'pg'
require_relative 'modes'

class Driver
  def take = PG.connect
  def give(connection) = connection.close
  def begin(connection) = connection.exec('begin')
  def commit(connection) = connection.exec('commit')
  def query(connection, n) = connection.exec_params("select id, note from #{TABLE} where customer = $1", [n]).values
end

play(Driver.new)
