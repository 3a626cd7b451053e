//! Drafts: versions that are prepared, compared with what holds, and then published.

use domain::books::{PriceDraft, PriceEntry};
use domain::catalog::{MeterDifference, PriceListName, differences};
use domain::timeline::Recorded;

use super::{PriceListWarning, Published, Repricing, check_base, check_publisher, seller};
use crate::access::{Caller, View, view_of};
use crate::accounts::Created;
use crate::precondition::Precondition;
use crate::{App, Error, Kind, State};

/// A draft as it is in the books.
#[derive(Debug, Clone)]
pub struct KeptDraft {
    /// The draft.
    pub draft: PriceDraft,
    /// Who drafted it, and when.
    pub recorded: Recorded,
    /// Changes with the draft, its list, and the lists that either follows.
    pub revision: u64,
}

/// What publishing a draft would change.
#[derive(Debug, Clone)]
pub struct PriceDiff {
    /// The draft.
    pub kept: KeptDraft,
    /// The meters that would cost something else from the draft's first hour on than the list says for that hour.
    pub meters: Vec<MeterDifference>,
    /// What whoever publishes it should know.
    pub warnings: Vec<PriceListWarning>,
    /// What it would change about usage that there is already.
    pub repricing: Repricing,
}

impl App {
    /// Drafts a version of a price list, in place of the draft of it that there may be. Nothing is priced by it.
    ///
    /// # Errors
    /// As [`App::publish_price_list`].
    pub async fn draft_prices(
        &self,
        caller: &Caller,
        draft: PriceDraft,
    ) -> Result<(Created, KeptDraft), Error> {
        self.check_meters(draft.pricing.given())?;
        let created = self
            .change(caller, |books| {
                check_publisher(books, caller, draft.list.scope)?;
                check_base(books, caller, &draft.pricing)?;
                let created = books.price_draft(&draft.list.name).is_none().into();
                let entry = books.draft_prices(draft.clone())?;
                Ok((entry.into_iter().collect(), created))
            })
            .await?;
        Ok((created, self.price_draft(caller, &draft.list.name)?))
    }

    /// The draft of a list, if the caller publishes that list.
    ///
    /// # Errors
    /// `PriceListDraftNotFound`.
    pub fn price_draft(&self, caller: &Caller, name: &PriceListName) -> Result<KeptDraft, Error> {
        self.read(|books| kept(books, caller, name))
    }

    /// The drafts of the lists that the caller publishes, by name.
    #[must_use]
    pub fn price_drafts(&self, caller: &Caller) -> Vec<KeptDraft> {
        self.read(|books| {
            let names = books.price_drafts().map(|(draft, _)| &draft.list.name);
            names.filter_map(|name| kept(books, caller, name).ok()).collect()
        })
    }

    /// Gives up the draft of a list.
    ///
    /// # Errors
    /// `PriceListDraftNotFound`, or as the store.
    pub async fn drop_price_draft(&self, caller: &Caller, name: &PriceListName) -> Result<(), Error> {
        self.change(caller, |books| {
            kept(books, caller, name)?;
            Ok((vec![PriceEntry::DraftDropped(name.clone()).into()], ()))
        })
        .await
    }

    /// What publishing the draft of a list would change.
    ///
    /// # Errors
    /// `PriceListDraftNotFound`, as [`App::try_price_list`], or as the store.
    pub async fn price_diff(&self, caller: &Caller, name: &PriceListName) -> Result<PriceDiff, Error> {
        let (kept, meters) = self.read(|books| {
            let kept = kept(books, caller, name)?;
            let from = kept.draft.from;
            let now = books.prices_of(name, from).unwrap_or_default();
            let then = books.prices_from(name, &kept.draft.pricing, from);
            let then = then.map_err(|refused| domain::books::Refused::Derivation(Box::new(refused)))?;
            Ok::<_, Error>((kept, differences(&now, &then)))
        })?;
        let PriceDraft { list, pricing, from } = kept.draft.clone();
        let expected = self.try_price_list(caller, list, pricing, from).await?;
        Ok(PriceDiff {
            kept,
            meters,
            warnings: expected.warnings,
            repricing: expected.repricing,
        })
    }

    /// Publishes the draft of a list, as it was when somebody saw its diff, and gives it up.
    ///
    /// # Errors
    /// `DiffNotSeen` without a precondition, `PreconditionFailed` if the draft, its list or one that either follows was
    /// changed since, `PriceListDraftNotFound`, or as [`App::publish_price_list`].
    pub async fn publish_price_draft(
        &self,
        caller: &Caller,
        name: &PriceListName,
        seen: &Precondition,
    ) -> Result<Published, Error> {
        let PriceDraft { list, pricing, from } = self.price_draft(caller, name)?.draft;
        if *seen == Precondition::None {
            let message = "Expected If-Match with the etag of the draft's diff: what is published is what somebody saw.";
            return Err(Error::new(Kind::Invalid, "DiffNotSeen", message).about("If-Match"));
        }
        let expected = self.try_price_list(caller, list, pricing.clone(), from).await?;
        let created = self
            .change(caller, |books| {
                let kept = kept(books, caller, name)?;
                seen.check(Some(kept.revision))?;
                let PriceDraft { list, pricing, from } = kept.draft;
                check_publisher(books, caller, list.scope)?;
                check_base(books, caller, &pricing)?;
                let entry = books.publish_price_list(list, pricing, from)?;
                let created = entry.is_some().into();
                let dropped = PriceEntry::DraftDropped(name.clone()).into();
                Ok((entry.into_iter().chain([dropped]).collect(), created))
            })
            .await?;
        Ok(Published {
            created,
            list: self.price_list(caller, name)?,
            ..expected
        })
    }
}

fn is_drafted_by(view: &View, draft: &PriceDraft) -> bool {
    view.manages_prices_of(seller(draft.list.scope))
}

fn kept(books: &State, caller: &Caller, name: &PriceListName) -> Result<KeptDraft, Error> {
    let view = view_of(books, caller);
    let found = books
        .price_draft(name)
        .filter(|(draft, _)| is_drafted_by(&view, draft));
    let kept = found
        .zip(books.draft_revision(name))
        .map(|((draft, recorded), revision)| KeptDraft {
            draft: draft.clone(),
            recorded: *recorded,
            revision,
        });
    kept.ok_or_else(|| {
        let message = format!("Price list '{name}' has no draft.");
        Error::not_found("PriceListDraftNotFound", message)
    })
}
