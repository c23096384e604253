//! Reports: sections with claims and verdicts, as text, Markdown and one self-contained HTML page.

mod claim;
mod page;
pub mod plot;
mod section;
pub mod stats;
pub mod status;

pub use claim::{Claim, Measure, Verdict, effect_size, judge, p_value, short};
pub use page::{Page, Part, REPORT};
pub use section::{Picture, ReportTable, SECTION, Section, claim_table};
