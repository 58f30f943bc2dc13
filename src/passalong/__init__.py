"""Passalong: referral programmes with a CRM sync at their heart."""
