//! Enums of several kinds of parameters, told apart by the key `kind`.

use super::read::KIND;
use super::refusal::one_of;
use std::fmt;

/// What a reader expects of an enum of kinds: `a table whose kind is one of "fiber", "loss"`.
pub(crate) fn expecting_kind(kinds: &[&str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "a table whose {KIND} is {}", one_of(kinds))
}

/// Declares an enum whose variants each hold the parameters of one kind.
///
/// It is written as the parameters' table with `kind` added. Reading goes through `deserialize_enum`, so that
/// [`Tree::read`](crate::tree::Tree::read) can name the path of what is wrong inside; serde's own internally tagged enums
/// read into a buffer first and lose it.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $Name:ident {
            $($(#[$variant_meta:meta])* $Variant:ident($Params:ty) = $kind:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize)]
        #[serde(tag = "kind")]
        $visibility enum $Name {
            $($(#[$variant_meta])* #[serde(rename = $kind)] $Variant($Params)),+
        }

        impl<'de> ::serde::Deserialize<'de> for $Name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                const KINDS: &[&str] = &[$($kind),+];
                struct Kinds;
                impl<'de> ::serde::de::Visitor<'de> for Kinds {
                    type Value = $Name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        $crate::tree::expecting_kind(KINDS, f)
                    }

                    fn visit_enum<A: ::serde::de::EnumAccess<'de>>(
                        self,
                        access: A,
                    ) -> ::std::result::Result<$Name, A::Error> {
                        let (kind, content): (::std::string::String, _) = access.variant()?;
                        match kind.as_str() {
                            $($kind => ::serde::de::VariantAccess::newtype_variant(content).map($Name::$Variant),)+
                            _ => Err(::serde::de::Error::unknown_variant(&kind, KINDS)),
                        }
                    }
                }
                deserializer.deserialize_enum(stringify!($Name), KINDS, Kinds)
            }
        }
    };
}
pub(crate) use kinds;
