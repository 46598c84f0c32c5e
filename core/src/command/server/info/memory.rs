//! The section about memory.

use super::{Human, Page, View};
use crate::command::server::memory::MemoryFigures;
use crate::config::Choice as _;

pub(super) fn memory(page: &mut Page, view: &View<'_>) {
    let figures = MemoryFigures::of(view.server, view.client);
    used(page, &figures);
    allocator(page, view, &figures);
    scripts(page);
    limit(page, view);
    ratios(page, &figures);
    buffers(page, view, &figures);
}

fn used(page: &mut Page, figures: &MemoryFigures) {
    page.bytes("used_memory", figures.used);
    page.bytes("used_memory_rss", figures.rss);
    page.bytes("used_memory_peak", figures.peak);
    page.line("used_memory_peak_perc", format_args!("{:.2}%", figures.peak_percent()));
    page.counts(&[
        ("used_memory_overhead", figures.overhead),
        ("used_memory_startup", figures.startup),
        ("used_memory_dataset", figures.dataset()),
    ]);
    page.line("used_memory_dataset_perc", format_args!("{:.2}%", figures.dataset_percent()));
}

fn allocator(page: &mut Page, view: &View<'_>, figures: &MemoryFigures) {
    page.counts(&[
        ("allocator_allocated", figures.used),
        ("allocator_active", figures.rss),
        ("allocator_resident", figures.rss),
    ]);
    page.bytes("total_system_memory", view.server.host.total_memory_bytes);
}

/// There are no scripts and no functions.
fn scripts(page: &mut Page) {
    page.counts(&[("used_memory_lua", 0), ("used_memory_vm_eval", 0)]);
    page.human("used_memory_lua", 0);
    page.counts(&[
        ("used_memory_scripts_eval", 0),
        ("number_of_cached_scripts", 0),
        ("number_of_functions", 0),
        ("number_of_libraries", 0),
        ("used_memory_vm_functions", 0),
    ]);
    page.bytes("used_memory_vm_total", 0);
    page.counts(&[("used_memory_functions", 0)]);
    page.bytes("used_memory_scripts", 0);
}

fn limit(page: &mut Page, view: &View<'_>) {
    let config = &view.server.config;
    page.line("maxmemory", config.maxmemory);
    page.line("maxmemory_human", Human(config.maxmemory));
    page.line("maxmemory_policy", config.maxmemory_policy.word());
}

fn ratios(page: &mut Page, figures: &MemoryFigures) {
    page.line("allocator_frag_ratio", format_args!("{:.2}", figures.fragmentation()));
    page.line("allocator_frag_bytes", figures.rss.saturating_sub(figures.used));
    page.line("allocator_rss_ratio", "1.00");
    page.line("allocator_rss_bytes", 0);
    page.line("rss_overhead_ratio", "1.00");
    page.line("rss_overhead_bytes", 0);
    page.line("mem_fragmentation_ratio", format_args!("{:.2}", figures.fragmentation()));
    page.line("mem_fragmentation_bytes", figures.fragmentation_bytes());
}

fn buffers(page: &mut Page, view: &View<'_>, figures: &MemoryFigures) {
    page.counts(&[
        ("mem_not_counted_for_evict", 0),
        ("mem_replication_backlog", 0),
        ("mem_total_replication_buffers", 0),
        ("mem_clients_slaves", 0),
        ("mem_clients_normal", figures.clients),
        ("mem_cluster_links", 0),
        ("mem_aof_buffer", 0),
    ]);
    page.line("mem_allocator", view.server.host.allocator);
    page.counts(&[
        ("active_defrag_running", 0),
        ("lazyfree_pending_objects", view.server.stats.lazyfree_pending_objects),
        ("lazyfreed_objects", view.server.stats.lazyfreed_objects),
    ]);
}
