-- Asks the host at $BENCH_ADDRESS, whatever the name in the URL means to this machine, and tells the figures as JSON.
function wrk.resolve(_host, service)
   wrk.addrs = wrk.lookup(os.getenv("BENCH_ADDRESS"), service)
end

function done(summary, latency, _requests)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %.6f, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
      summary.requests, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
