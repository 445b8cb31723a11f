/**
 * The yardstick for reading: DuckDB's own read_csv takes the log as one column and counts lines and
 * bytes. Prints the cost of the query alone, without the start of node and of DuckDB, as JSON.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const file = process.argv[2] ?? '';
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
const sql = `SELECT count(*) AS lines, sum(length(line)) AS bytes FROM read_csv($file,
  columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false,
  auto_detect = false, strict_mode = false)`;
const before = process.cpuUsage();
const began = performance.now();
const reader = await connection.runAndReadAll(sql, { file });
const wallSeconds = (performance.now() - began) / 1000;
const cpu = process.cpuUsage(before);
const [row] = reader.getRowObjects();
const result = {
  lines: Number(row?.lines),
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  wallSeconds,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
connection.closeSync();
instance.closeSync();
