import RelayCore

/// The relay's metrics in the Prometheus text format. Label values are ours or the configuration's: their number is bounded,
/// and no tenant's data is among them.
enum MetricsText {
    static func bytes(_ metrics: RelayMetrics) -> [UInt8] {
        var text = PrometheusText()
        text.family("hookline_build_info", .gauge, "1; the version is in the label.")
        text.sample(1, ("version", metrics.version))
        text.gauge("hookline_ready", metrics.isReady ? 1 : 0, "Whether events are accepted.")
        events(metrics, &text)
        journal(metrics, &text)
        deliveries(metrics, &text)
        process(metrics.process, &text)
        return text.bytes
    }

    private static func events(_ metrics: RelayMetrics, _ text: inout PrometheusText) {
        text.family("hookline_events_accepted_total", .counter, "Events accepted and durable.")
        for entry in metrics.accepted { text.sample(entry.count, ("event", entry.type)) }
        text.family("hookline_events_refused_total", .counter, "Lines refused, by the error that they were answered.")
        for code in RefusalCode.allCases { text.sample(metrics.refused[code] ?? 0, ("error", code.rawValue)) }
        text.counter(
            "hookline_events_duplicates_total", metrics.duplicates, "Lines answered as duplicates of an earlier event.")
        text.counter("hookline_ingest_blank_lines_total", metrics.blankLines, "Lines of nothing but white space.")
        text.counter(
            "hookline_ingest_unread_reply_peers_total", metrics.unreadReplyPeers,
            "Connections that get no more replies because they took none.")
        text.gauge("hookline_ingest_connections", metrics.connections, "Producers' connections that are open.")
        text.gauge("hookline_ids_remembered", metrics.idsRemembered, "Event ids known for deduplication, about.")
        text.counter(
            "hookline_ids_forgotten_total", metrics.idsForgotten,
            "Event ids forgotten within their window because of ingest.dedupe-max-ids.")
    }

    private static func journal(_ metrics: RelayMetrics, _ text: inout PrometheusText) {
        text.family("hookline_journal_sync_seconds", .histogram, "How long fdatasync of the journal took.")
        text.samples(metrics.syncs)
        text.gauge("hookline_journal_bytes", metrics.journalBytes, "Bytes of the journal's segments that count.")
        text.gauge(
            "hookline_journal_max_bytes", metrics.journalMaxBytes,
            "journal.max-bytes: settled history goes from seven eighths of it on.")
        text.gauge("hookline_journal_segments", metrics.journalSegments, "Segments of the journal.")
        text.family("hookline_journal_damage_total", .counter, "Damage to the journal that this start found, by kind.")
        for kind in RelayMetrics.Damage.allCases { text.sample(metrics.damage[kind] ?? 0, ("kind", kind.rawValue)) }
        text.counter(
            "hookline_journal_write_failures_total", metrics.writeFailures, "Commits to the journal that failed.")
        text.counter(
            "hookline_journal_rewritten_bytes_total", metrics.rewrittenBytes,
            "Bytes written anew to win space back or to erase events.")
    }

    private static func deliveries(_ metrics: RelayMetrics, _ text: inout PrometheusText) {
        text.gauge("hookline_paused", metrics.isPaused ? 1 : 0, "Whether all deliveries of the host are held back.")
        text.gauge("hookline_backlog_deliveries", metrics.pending, "Deliveries that are not settled.")
        text.family(
            "hookline_backlog_oldest_seconds", .gauge,
            "Age of the oldest event with a delivery that is not settled, 0 if there is none.")
        text.sample(seconds(metrics.oldestPending ?? .zero))
        text.gauge("hookline_in_flight", metrics.inFlight, "Delivery attempts under way.")
        text.family("hookline_attempts_total", .counter, "Delivery attempts that have ended, by outcome.")
        text.sample(metrics.deliveredAttempts, ("outcome", "delivered"))
        for kind in AttemptFailure.Kind.allCases {
            text.sample(metrics.failedAttempts[kind] ?? 0, ("outcome", kind.rawValue))
        }
        text.sample(metrics.abandonedAttempts, ("outcome", "abandoned"))
        text.family("hookline_deliveries_settled_total", .counter, "Deliveries that have ended, by result.")
        for result in SettlementResult.allCases { text.sample(metrics.settled[result] ?? 0, ("result", result.name)) }
        text.family(
            "hookline_delivery_latency_seconds", .histogram,
            "From an event's acceptance to its receiver's 2xx; replays are not in it.")
        text.samples(metrics.latency)
        text.family("hookline_breakers", .gauge, "Webhooks, by the state of their breakers.")
        for state in Breaker.State.allCases { text.sample(metrics.breakers[state] ?? 0, ("state", state.name)) }
        text.family("hookline_webhook_changes_total", .counter, "Changes in how webhooks are doing, by kind.")
        for kind in DeliveryScheduler.HealthChange.Kind.allCases {
            text.sample(metrics.healthChanges[kind] ?? 0, ("change", kind.rawValue))
        }
        text.family(
            "hookline_operational_events_total", .counter,
            "Operational events made, whether or not a webhook wanted them.")
        for kind in OperationalEvent.Kind.allCases {
            text.sample(metrics.operationalEvents[kind] ?? 0, ("event", kind.rawValue))
        }
        text.counter(
            "hookline_operational_events_dropped_total", metrics.droppedOperationalEvents,
            "Operational events that could not be written down.")
        text.family("hookline_webhooks", .gauge, "Registered webhooks, by state.")
        text.sample(metrics.active, ("state", "active"))
        text.sample(metrics.paused, ("state", "paused"))
        text.sample(metrics.disabled, ("state", "disabled"))
    }

    private static func process(_ process: ProcessFigures, _ text: inout PrometheusText) {
        if let seconds = process.cpuSeconds {
            text.family("process_cpu_seconds_total", .counter, "User and system CPU time spent.")
            text.sample(seconds)
        }
        if let bytes = process.residentBytes {
            text.gauge("process_resident_memory_bytes", bytes, "Resident memory.")
        }
        if let bytes = process.virtualBytes { text.gauge("process_virtual_memory_bytes", bytes, "Virtual memory.") }
        if let count = process.openDescriptors { text.gauge("process_open_fds", count, "Open file descriptors.") }
        if let count = process.maxDescriptors {
            text.gauge("process_max_fds", count, "The limit of open file descriptors.")
        }
        if let count = process.threads { text.gauge("process_threads", count, "Threads.") }
        text.family("process_start_time_seconds", .gauge, "When the process was started, Unix seconds.")
        text.sample(Double(process.startedAt) / 1000)
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.nanoseconds) / 1e9 }
}
