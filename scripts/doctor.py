"""What a model becomes, before any weights are fetched: python scripts/doctor.py MODEL"""

from zoo.cli.doctor import doctor
from zoo.cli.program import run

if __name__ == "__main__":
    run(doctor)
