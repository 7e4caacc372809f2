<?php
// PHP: a worker that keeps a persistent connection, or a long-running one that opens a new connection for each job.
$statement = 'select id, note from ' . getenv('TABLE') . ' where customer = $1';
$name = getenv('PGAPPNAME');
$target = $name === false ? '' : "application_name='$name'";
$leaked = [];
for ($n = 0; $n < (int) getenv('CONNECTIONS'); $n++) {
    $connection = getenv('MODE') === 'rest' ? pg_pconnect($target) : pg_connect($target, PGSQL_CONNECT_FORCE_NEW);
    if (getenv('MODE') === 'leak-in-transaction') pg_query($connection, 'begin');
    pg_query_params($connection, $statement, [$n]);
    $leaked[] = $connection;
    usleep(1000 * (int) getenv('PAUSE_MS'));
}
echo "ready\n";
stream_get_contents(STDIN);
