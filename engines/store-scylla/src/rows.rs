//! [`Rows`] of one generation.

use std::sync::Arc;

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Table, Value};
use mirabelle_log::Partition;
use mirabelle_store::{Batch, Found, Rows, Scan, StoreError, encode};

use crate::generation::Generation;
use crate::store::Shared;
use crate::{read, write};

/// The rows of one generation.
pub(crate) struct ScyllaRows {
    pub(crate) shared: Arc<Shared>,
    pub(crate) generation: Arc<Generation>,
}

impl ScyllaRows {
    /// Asks, on the store's own threads. Where the servers refuse for good, it may be because another process has
    /// removed the generation.
    fn ask<T, Asking>(
        &self,
        asking: impl FnOnce(Arc<Shared>, Arc<Generation>) -> Asking,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Asking: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.generation.there()?;
        let asking = asking(self.shared.clone(), self.generation.clone());
        let (shared, generation) = (self.shared.clone(), self.generation.clone());
        let answer = self.shared.threads.wait(async move {
            match asking.await {
                Err(error @ StoreError::Io { .. }) => Err(shared.why(&generation, error).await),
                other => other,
            }
        });
        // It may have been removed meanwhile.
        self.generation.there()?;
        answer
    }
}

impl Rows for ScyllaRows {
    fn name(&self) -> &Name {
        &self.generation.name
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        batch.puts().iter().try_for_each(|put| encode::check(&put.row))?;
        let (puts, checkpoints) = batch.into_parts();
        let requests = write::requests(&self.generation, write::changes(puts))?;
        self.ask(|shared, generation| async move {
            write::send(&shared.servers, requests).await?;
            for (partition, checkpoint) in checkpoints {
                generation.checkpoints.put(&shared.servers, partition, &checkpoint).await?;
            }
            Ok(())
        })
    }

    fn checkpoint(&self, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(
            |shared, generation| async move { generation.checkpoints.get(&shared.servers, partition).await },
        )
    }

    fn get(&self, table: &'static Table, key: &[Value]) -> Result<Option<Found>, StoreError> {
        encode::check_key(table, key)?;
        let key = key.to_vec();
        self.ask(
            |shared, generation| async move { read::get(&shared.servers, &generation, table, key).await },
        )
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Found>, StoreError> {
        scan.range()?;
        let scan = scan.clone();
        self.ask(|shared, generation| async move { read::scan(&shared.servers, &generation, &scan).await })
    }

    fn scan_table(
        &self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        after.map_or(Ok(()), |after| encode::check_key(table, after))?;
        let after = after.map(<[Value]>::to_vec);
        self.ask(|shared, generation| async move {
            read::walk(&shared.servers, &generation, table, after, limit).await
        })
    }
}
