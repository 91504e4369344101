//! A value that the program makes, such as the `TENANTS` of `verify = TENANTS`.

use syn::{Expr, Ident, Path};
use trigger_grammar::setting::Setting;

use super::{Code, Value};
use crate::closure::{Closure, Purpose};
use crate::errors::Errors;

/// Reads a value of the program, if the setting takes one and the expression is one: a closure, or an expression that
/// cannot be the name of a choice.
pub(super) fn read(
    key: &Ident,
    setting: &Setting,
    value: &Expr,
    errors: &mut Errors,
) -> Option<Option<Value>> {
    setting.code()?;
    let code = match value {
        Expr::Closure(closure) => match Closure::read(Purpose::Id, closure) {
            Ok(closure) => Code::Closure(Box::new(closure)),
            Err(error) => {
                errors.push(error);
                return Some(None);
            }
        },
        Expr::Path(path) if is_of_program(&path.path) => Code::Expression(Box::new(value.clone())),
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if is_of_program(&path.path)) => {
            Code::Expression(Box::new(value.clone()))
        }
        Expr::Struct(_) | Expr::MethodCall(_) => Code::Expression(Box::new(value.clone())),
        _ => return None,
    };
    Some(Some(Value::Code(key.clone(), code)))
}

/// Returns `true` for a path that cannot be the name of a choice: it has several segments, or begins with a capital letter.
fn is_of_program(path: &Path) -> bool {
    match path.get_ident() {
        Some(name) => name.to_string().starts_with(|first: char| first.is_uppercase()),
        None => true,
    }
}
