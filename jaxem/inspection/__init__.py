"""Reading models, plans and fits; nothing here changes one."""

from jaxem.inspection.expected import expected_log_joint
from jaxem.inspection.explain import Explanation, explain

__all__ = ["Explanation", "expected_log_joint", "explain"]
