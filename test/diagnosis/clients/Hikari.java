import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** HikariCP with pgjdbc. The environment says what it does: MODE, CONNECTIONS, CALLERS, PAUSE_MS, TABLE. */
public class Hikari {
    static final String MODE = System.getenv("MODE");
    static final int CONNECTIONS = number("CONNECTIONS");
    static final int CALLERS = number("CALLERS");
    static final int PAUSE_MS = number("PAUSE_MS");
    static final List<Connection> leaked = Collections.synchronizedList(new ArrayList<>());
    static HikariDataSource pool;

    static int number(String name) {
        return Integer.parseInt(System.getenv(name));
    }

    static void query(Connection connection, int n) throws Exception {
        String statement = "select id, note from " + System.getenv("TABLE") + " where customer = ?";
        try (PreparedStatement prepared = connection.prepareStatement(statement)) {
            prepared.setInt(1, n);
            prepared.executeQuery().close();
        }
    }

    interface Caller {
        void run(int n) throws Exception;
    }

    static List<Thread> atOnce(int count, Caller caller) {
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            int number = n;
            Thread thread = new Thread(() -> {
                try {
                    caller.run(number);
                } catch (Exception error) {
                    error.printStackTrace();
                }
            });
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
        return threads;
    }

    static void request(int n) throws Exception {
        try (Connection connection = pool.getConnection()) {
            query(connection, n);
            Thread.sleep(30);
        }
    }

    static void leak(int caller) throws Exception {
        for (int n = caller; n < CONNECTIONS; n += CALLERS) {
            Connection connection = pool.getConnection();
            leaked.add(connection);
            connection.setAutoCommit(MODE.equals("leak"));
            query(connection, n);
            if (MODE.equals("leak-after-commit")) connection.commit();
            Thread.sleep(PAUSE_MS);
        }
    }

    static void await(List<Thread> threads) throws Exception {
        for (Thread thread : threads) thread.join();
    }

    public static void main(String[] arguments) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE") + "?sslmode=disable");
        config.setUsername(System.getenv("PGUSER"));
        config.setPassword(System.getenv("PGPASSWORD"));
        config.setMaximumPoolSize(CONNECTIONS);
        config.setConnectionTimeout(60000);
        config.setValidationTimeout(30000);
        // A leak grows with its callers; a pool at rest has its size, as by default.
        if (MODE.startsWith("leak")) config.setMinimumIdle(0);
        String name = System.getenv("PGAPPNAME");
        if (name != null) config.addDataSourceProperty("ApplicationName", name);
        pool = new HikariDataSource(config);
        if (MODE.startsWith("leak")) {
            await(atOnce(CALLERS, Hikari::leak));
        } else {
            int callers = MODE.equals("spare") ? 1 : CONNECTIONS;
            for (int round = 0; round < 3; round++) await(atOnce(callers, Hikari::request));
            // It fills itself.
            while (pool.getHikariPoolMXBean().getTotalConnections() < CONNECTIONS) Thread.sleep(50);
        }
        if (MODE.equals("busy")) {
            atOnce(CALLERS, n -> {
                while (true) {
                    request(n);
                    Thread.sleep((long) (PAUSE_MS * Math.random() * 2));
                }
            });
        }
        System.out.println("ready");
        while (System.in.read() != -1) continue;
        System.exit(0);
    }
}
