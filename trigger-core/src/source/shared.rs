//! The values that the sources and the extensions of one runtime share: one of each type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Values = Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>;

/// The values of one runtime. A clone is a handle to the same.
#[derive(Clone, Default)]
pub(crate) struct SharedValues(Arc<Values>);

impl SharedValues {
    /// Returns the value of this type. The first call makes it.
    pub(crate) fn get<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        // Made without the lock, because `default` is code of the source.
        let new: Arc<dyn Any + Send + Sync> = Arc::new(T::default());
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(values.entry(TypeId::of::<T>()).or_insert(new));
        drop(values);
        value.downcast().unwrap_or_default()
    }

    pub(crate) fn downgrade(&self) -> WeakValues {
        WeakValues(Arc::downgrade(&self.0))
    }
}

/// The values of a runtime that may have been dropped.
#[derive(Clone)]
pub(crate) struct WeakValues(Weak<Values>);

impl WeakValues {
    pub(crate) fn upgrade(&self) -> Option<SharedValues> {
        self.0.upgrade().map(SharedValues)
    }
}
